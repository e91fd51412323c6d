import { createHash } from "node:crypto";

/** Every table's definition and rows, and what else a database keeps. */
export type Dump = readonly (readonly unknown[])[];

const SCHEMA = "select type, name, tbl_name, sql from main.sqlite_schema where name not like 'sqlite_stat%' order by name";

/** The dump of a database whose tables have the columns a, b and c, through whatever runs a query on it. */
export function dumpOf(rows: (sql: string) => unknown[][]): Dump {
  const schema = rows(SCHEMA);
  const tables = schema.filter(([type]) => type === "table").map(([, name]) => String(name));
  return [
    ...schema,
    ...rows("pragma main.user_version"),
    ...tables.flatMap((table) => [[table], ...rows(`select * from main.${table} order by a, b, c`).map(plainValues)]),
  ];
}

/** Blobs by length and digest: a dump is made after every statement. */
function plainValues(row: unknown[]): unknown[] {
  return row.map((v) => (v instanceof Uint8Array ? `${v.byteLength}:${createHash("sha1").update(v).digest("hex")}` : v));
}
