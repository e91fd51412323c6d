export type { S3Credentials, S3StoreOptions } from "./s3/options.js";
export { S3ObjectStore } from "./s3/s3-object-store.js";
