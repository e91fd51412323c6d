// What the caller's thread needs of this package: no SQLite, and none of what runs in the other threads.
export { AsyncClient } from "./channel/async-client.js";
export { ExitGate } from "./channel/exit-gate.js";
export type { Operation, Operations, StoreConfig } from "./channel/protocol.js";
export type { DatabaseConfig } from "./config.js";
export { MEMORY_BUFFER_DIR } from "./memory/protocol.js";
export type { CursorBatch, SqlOperation, SqlOperations, SqlParams, SqlRow, SqlRunResult, SqlValue } from "./sql/protocol.js";
export { type DatabasePorts, newDatabase } from "./threads/io-thread.js";
export { SqlThread } from "./threads/sql-thread.js";
