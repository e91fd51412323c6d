export { Connection, type ConnectionOptions } from "./connection.js";
export type { SqliteModule } from "./module.js";
export type { BindParams, SqlValue } from "./parameters.js";
export { SqliteRuntime, type SqliteRuntimeOptions } from "./runtime.js";
export type { AttachRules } from "./session.js";
export { type ColumnInfo, type ObjectRow, type RowMode, type RowValue, type RunOutcome, Statement } from "./statement.js";
export { warmUp } from "./warm-up.js";
