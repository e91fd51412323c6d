import { createHash } from "node:crypto";
import type { Value } from "../../src/sql-process.js";

/** What runs SQL and answers with rows as arrays. */
export interface Queryable {
  query(sql: string, ...params: readonly Value[]): Promise<Value[][]>;
}

/** Everything in a database that SQL shows: the schema, and all rows of all tables. Long values by their hash. */
export async function contentOf(db: Queryable): Promise<Record<string, Value[][]>> {
  const schema = await db.query("select type, name, tbl_name, sql from sqlite_schema order by type, name");
  const content: Record<string, Value[][]> = { schema };
  for (const [type, name] of schema)
    if (type === "table")
      content[String(name)] = (await db.query(`select * from "${String(name)}" order by rowid`)).map((row) => row.map(shortened));
  return content;
}

/** Comparing megabytes takes the test runner a minute. */
function shortened(value: Value): Value {
  if (typeof value === "string" ? value.length < 100 : !(value instanceof Uint8Array)) return value;
  const kind = typeof value === "string" ? "text" : "blob";
  return `${kind} of ${(value as string | Uint8Array).length}: ${createHash("sha256")
    .update(value as string | Uint8Array)
    .digest("hex")}`;
}

export async function integrityOf(db: Queryable): Promise<unknown> {
  return (await db.query("pragma integrity_check")).flat();
}
