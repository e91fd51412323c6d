import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { openPlain, type Plain } from "@headwater/vfs/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, open } from "../src/index.js";
import { putDatabase } from "./support/replica.js";
import { scratch } from "./support/scratch.js";

const PAGE_SIZE = 4096;
const random = new SeededRandom(testSeed("read-budgets"));
const SERIES = (n: number): string => `with recursive s(i) as (select 1 union all select i + 1 from s where i < ${n})`;

let root: string;
/** One replica for each database below, which no test changes. */
const replicas = new Map<string, { readonly url: string; readonly pages: number }>();
/** Some keys of "scattered". */
let keys: unknown[];

async function build(name: string, sql: string, look?: (plain: Plain) => void): Promise<void> {
  const plain = await openPlain();
  try {
    expect(plain.run(`pragma page_size = ${PAGE_SIZE}; ${sql}`)).toBe(0);
    look?.(plain);
    const bytes = plain.bytes();
    const dir = path.join(root, name);
    putDatabase(dir, 9, PAGE_SIZE, bytes);
    replicas.set(name, { url: pathToFileURL(dir).href, pages: bytes.byteLength / PAGE_SIZE });
  } finally {
    plain.close();
  }
}

beforeAll(async () => {
  root = mkdtempSync(path.join(os.tmpdir(), "headwater-budgets-"));
  await build("rows", `create table t (id integer primary key, b blob); insert into t ${SERIES(40_000)} select i, randomblob(700) from s`);
  // Keys in no order: each leaf lies anywhere. They are long, so that the tree is deep.
  const scattered = `create table t (k text primary key, v) without rowid; insert into t ${SERIES(80_000)} select hex(randomblob(50)), i from s`;
  await build("scattered", scattered, (plain) => {
    const [path] = plain.rows("select path from dbstat where name = 't' and pagetype = 'leaf' limit 1")[0] ?? [];
    expect(String(path).split("/")).toHaveLength(5); // "/" and a step for each of the three levels below the root
    keys = plain.rows("select k from t order by random() limit 5").map(([k]) => k);
  });
  await build("blobs", `create table t (id integer primary key, b blob); insert into t ${SERIES(5)} select i, randomblob(4000000) from s`);
  await build(
    "million",
    `create table t (id integer primary key, at integer, b text); insert into t ${SERIES(1_000_000)} select i, 1600000000 + 7 * i, 'row ' || i from s; create index t_at on t (at)`,
  );
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Cost {
  readonly gets: number;
  readonly bytes: number;
}

/** Opens a database with nothing local, and says what `use` cost from then on; then the same again, on the same handle. */
async function cold(name: string, use: (db: Database) => Promise<unknown>): Promise<{ first: Cost; again: Cost; pages: number }> {
  const { url, pages } = replicas.get(name) ?? { url: "", pages: 0 };
  await using db = await open(url, { pollIntervalMs: 0 });
  const measure = async (): Promise<Cost> => {
    const before = { ...db.status.requests.get };
    await use(db);
    const { count, bytes } = db.status.requests.get;
    return { gets: count - before.count, bytes: bytes - before.bytes };
  };
  return { first: await measure(), again: await measure(), pages };
}

describe("requests of a cold database that is not hydrated", () => {
  it("scan: at most one for each MB and 16 more, no byte in vain, and none again while the cache holds it", async () => {
    const { first, again, pages } = await cold("rows", (db) => db.get("select sum(length(b)) from t"));
    expect(pages * PAGE_SIZE).toBeGreaterThan(30e6);
    expect(first.gets).toBeLessThanOrEqual((pages * PAGE_SIZE) / 1e6 / 2 + 16);
    expect(first.bytes).toBeLessThanOrEqual(pages * PAGE_SIZE * 1.05);
    expect(again.gets).toBeLessThanOrEqual(8);
  });

  it("scan backwards: no more", async () => {
    const { first, pages } = await cold("rows", (db) =>
      db.get("select count(*) from (select b from t order by id desc) where length(b) > 0"),
    );
    expect(first.gets).toBeLessThanOrEqual((pages * PAGE_SIZE) / 1e6 / 2 + 48);
  });

  it("random point reads: one for each neighbourhood of 256 KB at most, and no scan's read-ahead", async () => {
    const ids = Array.from({ length: 400 }, () => 1 + random.below(40_000));
    const { first, again, pages } = await cold("rows", async (db) => {
      for (const id of ids) expect(await db.get("select length(b) as n from t where id = ?", [id])).toEqual({ n: 700 });
    });
    const neighbourhoods = Math.ceil((pages * PAGE_SIZE) / (256 * 1024 - PAGE_SIZE * 2));
    expect(first.gets).toBeLessThanOrEqual(neighbourhoods + 20);
    expect(first.bytes).toBeLessThanOrEqual(first.gets * 260 * 1024);
    expect(again.gets).toBe(0);
  });

  it("one point read: the interior page and the leaf, and their neighbours", async () => {
    const { first, again } = await cold("rows", (db) => db.get("select b from t where id = 31234"));
    expect(first.gets).toBeLessThanOrEqual(2);
    expect(first.bytes).toBeLessThanOrEqual(2 * 260 * 1024);
    expect(again.gets).toBe(0);
  });

  it("point reads of neighbouring keys: a few for hundreds of them", async () => {
    const { first } = await cold("rows", async (db) => {
      for (let id = 20_000; id < 21_000; id += 1) await db.get("select b from t where id = ?", [id]);
    });
    expect(first.gets).toBeLessThanOrEqual(8);
    expect(first.bytes).toBeLessThanOrEqual(4 * 1000 * 700);
  });

  it("a lookup in a tree of depth 4: at most one after the other for each level below the root", async () => {
    for (const key of keys) {
      const { first, again } = await cold("scattered", (db) => db.get("select v from t where k = ?", [String(key)]));
      expect(first.gets).toBeLessThanOrEqual(3);
      expect(again.gets).toBe(0);
    }
  });

  it("a scan of leaves that lie in no order: each neighbourhood about once", async () => {
    const { first, pages } = await cold("scattered", (db) => db.get("select sum(length(k)) from t"));
    expect(first.gets).toBeLessThanOrEqual(((pages * PAGE_SIZE) / (128 * 1024)) * 1.5);
    expect(first.bytes).toBeLessThanOrEqual(pages * PAGE_SIZE * 3);
  });

  it("order by an indexed column, limit 20, on a million rows: at most 10, then none", async () => {
    for (const sql of ["select * from t order by at limit 20", "select * from t order by at desc limit 20"]) {
      const { first, again } = await cold("million", (db) => db.all(sql));
      expect(first.gets).toBeLessThanOrEqual(10);
      expect(again.gets).toBe(0);
    }
  });

  it("a large value: its overflow pages in a dozen requests, and not twice as many bytes", async () => {
    const { first, again } = await cold("blobs", (db) => db.get("select length(b || '') from t where id = 3"));
    expect(first.gets).toBeLessThanOrEqual(14);
    expect(first.bytes).toBeLessThanOrEqual(3 * 4e6);
    expect(again.gets).toBeLessThanOrEqual(1);
  });
});

describe("requests of a replica with many level-0 files", () => {
  it("scan: none for each page that lies in one of them", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer({ syncIntervalMs: 0 }));
    await db.exec(`create table t (id integer primary key, b blob); insert into t ${SERIES(8000)} select i, randomblob(900) from s`);
    await db.sync();
    for (let n = 0; n < 100; n += 1) {
      const ids = Array.from({ length: 12 }, () => 1 + random.below(8000));
      await db.run(`update t set b = randomblob(900) where id in (${ids.join(",")})`);
      await db.sync();
    }
    await using reader = await open(url, { pollIntervalMs: 0 });
    const before = reader.status.requests.get.count;
    expect(await reader.get("select sum(length(b)) as n from t")).toEqual({ n: 8000 * 900 });
    expect(reader.status.requests.get.count - before).toBeLessThanOrEqual((reader.status.pageCount * PAGE_SIZE) / 1e6 + 16);
  });
});
