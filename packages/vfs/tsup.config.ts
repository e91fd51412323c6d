import { library } from "../../tooling/tsup/library.mjs";

const entries = { index: "src/index.ts", client: "src/client.ts", testing: "src/testing.ts" };
const workers = { "io-worker": "src/io-worker.ts", "sqlite-worker": "src/sqlite-worker.ts" };

// The workers themselves are built by tsup.workers.config.ts.
export default library(entries, { dts: { entry: { ...entries, ...workers } } });
