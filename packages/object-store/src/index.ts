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
