import { library } from "../../tooling/tsup/library.mjs";

export default library({ index: "src/index.ts", node: "src/node.ts", "node/runtime": "src/node/runtime.ts", testing: "src/testing.ts" });
