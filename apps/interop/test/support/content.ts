import type { Value } from "../../src/sql-process.js";

export interface Queryable {
  query(sql: string, ...params: readonly Value[]): Promise<Value[][]>;
}

/** Everything in a database that SQL shows: the schema, and all rows of all tables. */
export async function contentOf(db: Queryable): Promise<Record<string, Value[][]>> {
  const schema = await db.query("select type, name, tbl_name, sql from sqlite_schema order by type, name");
  const content: Record<string, Value[][]> = { schema };
  for (const [type, name] of schema)
    if (type === "table") content[String(name)] = await db.query(`select * from "${String(name)}" order by rowid`);
  return content;
}

export async function integrityOf(db: Queryable): Promise<unknown> {
  return (await db.query("pragma integrity_check")).flat();
}
