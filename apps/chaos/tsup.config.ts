import { library } from "../../tooling/tsup/library.mjs";

export default library(
  { prove: "src/prove.ts", writer: "src/actors/writer.ts", rival: "src/actors/rival.ts", follower: "src/actors/follower.ts" },
  { dts: false },
);
