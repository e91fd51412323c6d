import { library } from "../../tooling/tsup/library.mjs";

export default library({
  index: "src/index.ts",
  "io-worker": "src/io-worker.ts",
  "sqlite-worker": "src/sqlite-worker.ts",
  testing: "src/testing.ts",
});
