import { library } from "../../tooling/tsup/library.mjs";

export default library({ index: "src/index.ts", "shared-state": "src/shared-state.ts" });
