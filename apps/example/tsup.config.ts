import { library } from "../../tooling/tsup/library.mjs";

export default library({ demo: "src/demo.ts", cold: "src/cold.ts" }, { dts: false });
