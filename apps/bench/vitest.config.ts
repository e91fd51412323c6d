import { tests } from "../../tooling/vitest/library.mjs";

export default tests({ env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" } });
