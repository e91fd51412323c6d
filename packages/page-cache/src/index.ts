export { childrenOf, schemaRoots } from "./btree-page.js";
export { DISK_BYTES_MIN, DiskTier, type DiskTierOptions, PENDING_BYTES_MAX } from "./disk/disk-tier.js";
export type { Checksum } from "./disk/record.js";
export { CACHE_MAX_BYTES_DEFAULT, PageCache, type PageCacheOptions } from "./page-cache.js";
export {
  type Expected,
  neighbourhood,
  ReadAhead,
  type ReadAheadOptions,
  type Span,
  STREAMS_MAX_DEFAULT,
  WINDOW_MAX_PAGES_DEFAULT,
  worthFetching,
} from "./read-ahead.js";
export { SingleFlight } from "./single-flight.js";
