import { tests } from "../../tooling/vitest/library.mjs";

// The SDK reminds of its next Node version, in every process anew.
export default tests({ env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" } });
