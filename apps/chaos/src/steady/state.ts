import { createHash } from "node:crypto";

/** What a database holds, and how large it is. */
export interface State {
  /** Number of the last batch. */
  readonly batch: number;
  /** Of every row of every table. */
  readonly digest: string;
  /** Size of the database, in pages. */
  readonly pages: number;
}

/** Runs a query; rows as arrays of values. */
export type Query = (sql: string) => unknown[][] | Promise<unknown[][]>;

/** Reads everything, in one transaction that the caller has opened. */
export async function stateOf(query: Query): Promise<State> {
  const hash = createHash("sha1");
  const tables = await query("select name, sql from sqlite_schema where type = 'table' order by name");
  for (const [name, sql] of tables) {
    hash.update(`${String(name)} ${String(sql)}\n`);
    for (const row of await query(`select * from ${String(name)}`)) for (const value of row) update(hash, value);
  }
  const [[batch] = []] = tables.length === 0 ? [] : await query("select batch from meta");
  const [[pages] = []] = await query("pragma page_count");
  return { batch: Number(batch ?? -1), digest: hash.digest("hex"), pages: Number(pages) };
}

function update(hash: ReturnType<typeof createHash>, value: unknown): void {
  if (value instanceof Uint8Array) hash.update(`b${value.byteLength}:`).update(value);
  else hash.update(`${typeof value} ${String(value)}\n`);
}
