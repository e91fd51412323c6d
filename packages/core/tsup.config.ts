import { library } from "../../tooling/tsup/library.mjs";

export default library({ index: "src/index.ts", node: "src/node.ts", testing: "src/testing.ts" });
