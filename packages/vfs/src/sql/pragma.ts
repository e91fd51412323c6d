import type { ObjectRow, Statement } from "../sqlite/index.js";

const OURS = /^\s*(litestream_\w+)/i;

/**
 * The rows of a pragma. SQLite names the column of a pragma that a VFS answers after its value; ours get the pragma's
 * name, as SQLite's own have.
 *
 * @param source - The pragma without the word PRAGMA, such as `litestream_txid`.
 */
export function pragmaRows(source: string, statement: Statement): ObjectRow[] {
  const rows = statement.all([]) as ObjectRow[];
  const name = OURS.exec(source)?.[1]?.toLowerCase();
  return name === undefined ? rows : rows.map((row) => ({ [name]: Object.values(row)[0] ?? null }));
}
