export { AsyncClient } from "./channel/async-client.js";
export { BlockingClient, workerDied } from "./channel/blocking-client.js";
export { ExitGate } from "./channel/exit-gate.js";
export type { Operation, Operations, StoreConfig } from "./channel/protocol.js";
export type { DatabaseConfig } from "./config.js";
export type { DatabaseFile, LockLevel } from "./database-file.js";
export { makeStore } from "./io/make-store.js";
export { MEMORY_BUFFER_DIR } from "./memory/protocol.js";
export { Session } from "./session/session.js";
export { abandon, finishClosing, finishOpening, type Opening } from "./sql/opening.js";
export { pragmaRows } from "./sql/pragma.js";
export type { CursorBatch, SqlOperation, SqlOperations, SqlParams, SqlRow, SqlRunResult, SqlValue } from "./sql/protocol.js";
export { StatementCache } from "./sql/statement-cache.js";
export {
  type AttachRules,
  type BindParams,
  type ColumnInfo,
  Connection,
  type ConnectionOptions,
  type ObjectRow,
  type RowMode,
  type RowValue,
  type RunOutcome,
  type SqliteModule,
  SqliteRuntime,
  type SqliteRuntimeOptions,
  Statement,
} from "./sqlite/index.js";
export { type DatabasePorts, newDatabase } from "./threads/io-thread.js";
export { SqlThread } from "./threads/sql-thread.js";
