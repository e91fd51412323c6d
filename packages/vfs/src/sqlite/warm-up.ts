import type { DatabaseFile } from "../database-file.js";
import type { SqliteRuntime } from "./runtime.js";

const PAGE_SIZE = 4096;

/** A database without a single page. */
class EmptyFile implements DatabaseFile {
  readonly pageSize: number = PAGE_SIZE;
  readonly writable = false;

  sizePages(): number {
    return 0;
  }
  readPage(_pgno: number, into: Uint8Array): void {
    into.fill(0);
  }
  writePage(): void {}
  truncate(): void {}
  completeRecord(): void {}
  sync(): void {}
  publish(): void {}
  lock(): void {}
  unlock(): void {}
  pragma(): undefined {
    return undefined;
  }
  close(): void {}
}

/** A lookup, an index's order and an aggregate: what first statements are made of. */
const STATEMENTS = [
  "select type, name, rootpage from sqlite_schema where rowid = ?1",
  "select count(*), max(name) from sqlite_schema where name > ?1 order by name limit 1",
];

/**
 * Runs a few statements on an empty database. V8 compiles a WASM function when it is first called, and opening and the
 * first statement call some hundred: a thread that waits for the store anyway has them compiled by the time it is answered.
 */
export function warmUp(runtime: SqliteRuntime): void {
  const connection = runtime.open("warm-up", new EmptyFile(), { readonly: true, pageSize: PAGE_SIZE });
  try {
    for (const sql of STATEMENTS) connection.prepare(sql).all([1]);
  } finally {
    connection.close();
  }
}
