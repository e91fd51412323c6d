export {
  type Adopted,
  CommitLog,
  type CommitLogOptions,
  type CommitSignal,
  type RecoveredLog,
  SEGMENT_BYTES_DEFAULT,
} from "./commit-log.js";
export { type BufferReport, inspectBuffer } from "./inspect.js";
export type { LoggedTransaction } from "./log/published.js";
export type { LogBase } from "./log/segment.js";
export { LogReader, type LogReaderOptions, type LogTransaction, type Published } from "./log-reader.js";
export { type RecoverOptions, type Recovery, recoverBuffer, type SetAsideReason } from "./recover.js";
export type { ResolvedBase } from "./recovery/resolve.js";
export { listSetAside } from "./recovery/set-aside.js";
export { IntentFile } from "./sync/intent-file.js";
export type { Intent, IntentRecord } from "./sync/intent-record.js";
export { SYNC_BYTES_DEFAULT, type SyncedFile, Syncer, type SyncerOptions, type SyncFailure, type SyncPosition } from "./syncer.js";
export { UnsyncedCommits } from "./unsynced.js";
