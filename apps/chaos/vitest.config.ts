import { tests } from "../../tooling/vitest/library.mjs";

// Real processes on a machine that others use too, one claim after the other.
export default tests({
  testTimeout: 300_000 * Math.max(1, Number(process.env["HEADWATER_ROUNDS"] ?? "1")),
  maxWorkers: 1,
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
});
