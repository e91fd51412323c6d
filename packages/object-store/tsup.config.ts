import { library } from "../../tooling/tsup/library.mjs";

export default library({
  index: "src/index.ts",
  "store-url": "src/store-url.ts",
  s3: "src/s3.ts",
  "s3-client": "src/s3/client.ts",
  file: "src/file.ts",
  testing: "src/testing.ts",
});
