export { CountingObjectStore, type OnRequest } from "./counting-object-store.js";
export type { Credentials } from "./credentials.js";
export { checkKey, compareKeys, KEY_BYTES_MAX } from "./keys.js";
export { MemoryBucket } from "./memory/memory-bucket.js";
export { MemoryObjectStore } from "./memory/memory-object-store.js";
export { dropMemoryStore, memoryStore } from "./memory/registry.js";
export type {
  ByteRange,
  CallOptions,
  ETag,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ListPage,
  ObjectMeta,
  ObjectStore,
  Precondition,
  PutOptions,
  PutResult,
} from "./port.js";
export type { RequestCount, RequestCounts, RequestKind } from "./requests.js";
export { type Retry, RetryingObjectStore, type RetryOptions } from "./retrying-object-store.js";
export { normalizeEndpoint, parseStoreUrl, type S3Parameters, type StoreUrl } from "./store-url.js";
