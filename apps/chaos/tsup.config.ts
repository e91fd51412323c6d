import { library } from "../../tooling/tsup/library.mjs";

export default library({ prove: "src/prove.ts", writer: "src/actors/writer.ts" }, { dts: false });
