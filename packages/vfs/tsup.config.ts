import { library } from "../../tooling/tsup/library.mjs";

const entries = { index: "src/index.ts", client: "src/client.ts", testing: "src/testing.ts" };

// The workers are built by tsup.workers.config.ts.
export default library(entries);
