import { library } from "../../tooling/tsup/library.mjs";

export default library({ index: "src/index.ts", s3: "src/s3.ts", file: "src/file.ts", testing: "src/testing.ts" });
