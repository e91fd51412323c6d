import { afterEach, describe, expect, it } from "vitest";
import { type Database, type Options, open } from "../src/index.js";
import { scratch } from "./support/scratch.js";

// What the facade's calls cost in requests, whatever the machine does. Dependent round trips: the engine's budget tests.

const ROWS = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000)";
const opened: Database[] = [];

afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
});

/** About 12 MB in one file, and as many small ones after it. */
async function replica(deltas: number): Promise<{ url: string; writer: (more?: Options) => Options }> {
  const { url, writer } = scratch();
  const db = await open(url, writer());
  await db.exec(`create table t (n integer primary key, b text); ${ROWS} insert into t select n, hex(randomblob(250)) from c`);
  await db.sync();
  for (let n = 1; n <= deltas; n += 1) {
    await db.run("update t set b = 'new' where n = ?", [n * 100]);
    await db.sync();
  }
  await db.close();
  return { url, writer };
}

async function opening(url: string, options: Options): Promise<Database> {
  const db = await open(url, options);
  opened.push(db);
  return db;
}

const requests = (db: Database): { list: number; get: number; put: number } => {
  const { list, get, put } = db.status.requests;
  return { list: list.count, get: get.count, put: put.count };
};
const QUIET: Options = { pollIntervalMs: 0 };

describe("request budgets", () => {
  it("open to the first row by primary key: one LIST, head and tail, and the leaf", async () => {
    const { url } = await replica(0);
    const db = await opening(url, QUIET);
    expect(requests(db)).toEqual({ list: 1, get: 2, put: 0 });
    expect(await db.get("select n from t where n = 15000")).toEqual({ n: 15000 });
    expect(requests(db).get).toBeLessThanOrEqual(4);
  });

  it("20 more files: a GET for each, and no more for the row", async () => {
    const { url } = await replica(20);
    const db = await opening(url, QUIET);
    expect(requests(db)).toEqual({ list: 1, get: 22, put: 0 });
    expect(await db.get("select n from t where n = 15050")).toEqual({ n: 15050 });
    expect(requests(db).get).toBeLessThanOrEqual(24);
  });

  it("a point read after the first costs an interior page and a leaf at most, and the same again nothing", async () => {
    const { url } = await replica(0);
    const db = await opening(url, QUIET);
    await db.get("select n from t where n = 15000");
    const before = requests(db).get;
    await db.get("select n from t where n = 4000");
    expect(requests(db).get - before).toBeLessThanOrEqual(2);
    const after = requests(db);
    for (const n of [15000, 4000, 15000, 4000]) await db.get("select n from t where n = ?", [n]);
    await db.get("select count(*) from sqlite_schema");
    expect(requests(db)).toEqual(after);
  });

  it("the first write costs the leaf that it changes, and nothing for the commit", async () => {
    const { url, writer } = await replica(0);
    const db = await opening(url, writer());
    expect(requests(db)).toEqual({ list: 1, get: 2, put: 0 });
    await db.run("update t set b = 'first' where n = 15000");
    expect(requests(db)).toMatchObject({ list: 1, put: 0 });
    expect(requests(db).get).toBeLessThanOrEqual(4);
    const { get } = requests(db);
    await db.run("update t set b = 'second' where n = 15000");
    expect(requests(db).get).toBe(get);
  });
});
