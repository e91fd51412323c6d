import type { Connection, ConnectionOptions, SqliteRuntime, Statement } from "../../src/sqlite/index.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";

/** A connection on a new database in memory. */
export function openMemory(
  runtime: SqliteRuntime,
  options: Partial<ConnectionOptions> & { bytes?: Uint8Array } = {},
): { readonly file: MemoryDatabaseFile; readonly db: Connection } {
  const { bytes, pageSize = 4096, ...rest } = options;
  const file = bytes === undefined ? new MemoryDatabaseFile(pageSize) : MemoryDatabaseFile.of(bytes, pageSize);
  return { file, db: runtime.open("app", file, { readonly: false, pageSize, ...rest }) };
}

/** The first column of the first row. */
export function pluck(db: Connection, sql: string, ...args: unknown[]): unknown {
  const statement: Statement = db.prepare(sql);
  statement.mode = "pluck";
  try {
    return statement.get(...args);
  } finally {
    statement.finalize();
  }
}
