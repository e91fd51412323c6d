export { abortedError, throwIfAborted, unlessAborted } from "./abort.js";
export { elapsedMs, type Moment, momentOf } from "./elapsed.js";
export {
  type ErrorCode,
  type ErrorDetails,
  errorFromWire,
  errorToWire,
  type FencedDetails,
  FencedError,
  HeadwaterError,
  OptionError,
  OptionRangeError,
  SqliteError,
  type WireError,
} from "./errors.js";
export type { FileHandle, FileStat, FileSystem, OpenMode, PathLock, PathLocks } from "./file-system.js";
export { formatTXID, isPageSize, lockPgno, type Pgno, parseTXID, pgno, type TXID, txid } from "./ids.js";
export { boolean, type Check, checkOptions, either, func, having, integer, number, object, oneOf, suggest, text } from "./options.js";
export { redactUrl } from "./redact.js";
export type { Clock, Random, Runtime, Timers } from "./runtime.js";
export { type Pace, Slices, type SlicesOptions, UNPACED } from "./slices.js";
export { inTurns, runToEnd, type Steps } from "./steps.js";
export { StoreClock } from "./store-clock.js";
