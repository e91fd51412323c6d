import { tests } from "../../tooling/vitest/library.mjs";

export default tests({ testTimeout: 180_000, hookTimeout: 180_000, env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" } });
