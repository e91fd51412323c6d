import { library } from "../../tooling/tsup/library.mjs";

// What is optional is not bundled, as what is a dependency is not.
export default library(
  { main: "src/main.ts", child: "src/child/child.ts" },
  { dts: false, external: ["better-sqlite3", "litestream-vfs"] },
);
