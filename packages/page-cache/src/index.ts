export { DISK_BYTES_MIN, DiskTier, type DiskTierOptions, PENDING_BYTES_MAX } from "./disk/disk-tier.js";
export type { Checksum } from "./disk/record.js";
export { CACHE_MAX_BYTES_DEFAULT, PageCache, type PageCacheOptions } from "./page-cache.js";
export {
  NEIGHBOURHOOD_PAGES_DEFAULT,
  neighbourhood,
  ReadAhead,
  type ReadAheadOptions,
  type Span,
  STREAMS_MAX_DEFAULT,
  WINDOW_MAX_PAGES_DEFAULT,
} from "./read-ahead.js";
export { SingleFlight } from "./single-flight.js";
