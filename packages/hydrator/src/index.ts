export type { PageData } from "./copy-view.js";
export { RANGE_BYTES_MAX } from "./download.js";
export { tooLargeToHydrate } from "./errors.js";
export { CONCURRENCY_DEFAULT, Hydrator, type HydratorOptions } from "./hydrator.js";
export { LocalCopy, type LocalCopyOptions } from "./local-copy.js";
export { LocalCopyReader } from "./local-copy-reader.js";
export type { HydrationStatus } from "./progress.js";
export {
  COPY_COMPLETE,
  COPY_FAILED,
  COPY_USABLE,
  type SharedCopy,
  STATE_APPLIED,
  STATE_FLAGS,
  STATE_PAGE_COUNT,
  STATE_PAGES,
} from "./shared-copy.js";
