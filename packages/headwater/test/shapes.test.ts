import path from "node:path";
import { openPlain } from "@headwater/vfs/testing";
import { describe, expect, it } from "vitest";
import { type Database, open } from "../src/index.js";
import { compactTo, filesOf, putDatabase, removeLevel, removeLevelZero } from "./support/replica.js";
import { restoreLevelZero } from "./support/restore.js";
import { type Scratch, scratch } from "./support/scratch.js";

const ROWS = "with recursive c(n) as (select 1 union all select n + 1 from c where n <";

/** A SQL statement that adds rows of about a page of 4096 bytes each. */
const insertPages = (from: number, to: number): string =>
  `${ROWS} ${to}) insert into t select n, randomblob(3000) from c where n >= ${from}`;

/** The newest state of a replica, by a plain restore of its level-0 files (which checks that none has a hole). */
interface Expected {
  readonly commit: number;
  /** All pages but the first, which a read connection shows with a counter of its own. */
  readonly pages: ReadonlyMap<number, string>;
  readonly rows: readonly unknown[][];
}

async function restored(replicaDir: string): Promise<Expected> {
  const { bytes, pageSize } = restoreLevelZero(replicaDir);
  const commit = bytes.byteLength / pageSize;
  const pages = new Map<number, string>();
  for (let pgno = 2; pgno <= commit; pgno += 1) {
    pages.set(pgno, Buffer.from(bytes.subarray((pgno - 1) * pageSize, pgno * pageSize)).toString("base64"));
  }
  const plain = await openPlain(bytes);
  try {
    expect(plain.rows("pragma integrity_check")).toEqual([["ok"]]);
    return { commit, pages, rows: plain.rows("select n, hex(b) from t order by n") };
  } finally {
    plain.close();
  }
}

/** Not for writers: their SQLite keeps what it had of a page that it freed and never wrote. */
async function pagesOf(reader: Database): Promise<Map<number, string>> {
  const rows = await reader.all<{ pgno: number; data: Uint8Array }>("select pgno, data from sqlite_dbpage where pgno > 1");
  return new Map(rows.map(({ pgno, data }) => [pgno, Buffer.from(data).toString("base64")]));
}

async function expectContent(db: Database, { commit, rows }: Expected): Promise<void> {
  expect(db.status.pageCount).toBe(commit);
  expect((await db.all("select n, hex(b) as b from t order by n")).map(Object.values)).toEqual(rows);
  expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
}

async function expectPages(reader: Database, expected: Expected): Promise<void> {
  const pages = await pagesOf(reader);
  expect([...expected.pages].filter(([pgno, data]) => pages.get(pgno) !== data).map(([pgno]) => pgno)).toEqual([]);
  expect(pages.size).toBe(expected.pages.size);
  await expectContent(reader, expected);
}

/** Opens the newest state in every way there is, and checks that all agree, whatever the plan. */
async function expectAgreement(db: Database, { url, dir, replicaDir }: Scratch): Promise<void> {
  const expected = await restored(replicaDir);
  await expectContent(db, expected);
  {
    await using reader = await open(url, { pollIntervalMs: 0 });
    await expectPages(reader, expected);
  }
  {
    await using hydrated = await open(url, { pollIntervalMs: 0, hydration: { path: path.join(dir, "agreement.db") } });
    await hydrated.hydrated();
    const before = hydrated.status.requests.get.count;
    await expectPages(hydrated, expected);
    expect(hydrated.status.requests.get.count).toBe(before);
  }
  const newest = BigInt(`0x${db.status.txid}`);
  compactTo(replicaDir, 9, 1n, newest - 1n);
  compactTo(replicaDir, 1, 2n, newest);
  {
    await using compacted = await open(url, { pollIntervalMs: 0 });
    await expectPages(compacted, expected);
  }
  removeLevel(replicaDir, 9);
  removeLevel(replicaDir, 1);
}

describe("a replica of a database in WAL mode", () => {
  it.each([0, 9])("opens, reads, hydrates and can be written; its first file is at level %i", async (level) => {
    const where = scratch();
    const plain = await openPlain();
    plain.run(`pragma page_size = 4096; create table t (n integer primary key, b blob); ${insertPages(1, 30)}`);
    const bytes = plain.bytes().slice();
    plain.close();
    expect([bytes[18], bytes[19]]).toEqual([1, 1]);
    bytes[18] = 2;
    bytes[19] = 2;
    putDatabase(where.replicaDir, level, 4096, bytes);
    {
      await using reader = await open(where.url, { hydration: true });
      expect(await reader.get("select count(*) as n, sum(length(b)) as s from t")).toEqual({ n: 30, s: 90_000 });
      await reader.hydrated();
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(await reader.pragma("journal_mode")).toEqual([{ journal_mode: "delete" }]);
    }
    await using db = await open(where.url, where.writer({ hydration: true }));
    await db.run("insert into t values (31, 'written here')");
    await expect(db.pragma("journal_mode = wal")).rejects.toMatchObject({ isHeadwaterError: true });
    expect(await db.sync()).toBe("0000000000000002");
    await db.run("update t set b = 'changed' where n = 1");
    await db.sync();
    await db.hydrated();
    expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    await using reader = await open(where.url);
    expect(await reader.all("select n, b from t where n in (1, 31) order by n")).toEqual([
      { n: 1, b: "changed" },
      { n: 31, b: "written here" },
    ]);
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});

describe("page sizes", () => {
  it.each([512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])("%i bytes: create, write, sync, reopen, write again", async (pageSize) => {
    const where = scratch();
    {
      await using db = await open(where.url, where.writer({ pageSize }));
      await db.exec(`create table t (n integer primary key, b blob); create index i on t (b); ${insertPages(1, 60)}`);
      await db.sync();
    }
    await using db = await open(where.url, where.writer({ hydration: true }));
    expect(db.status).toMatchObject({ pageSize, txid: "0000000000000001" });
    expect(await db.get("select count(*) as n, sum(length(b)) as s from t")).toEqual({ n: 60, s: 180_000 });
    await db.exec(`delete from t where n % 3 = 0; ${insertPages(61, 90)}; update t set b = zeroblob(5) where n % 5 = 0`);
    await db.sync();
    await db.hydrated();
    expect(await db.pragma("page_size")).toEqual([{ page_size: pageSize }]);
    await expectAgreement(db, where);
  });
});

describe("a database that shrinks and grows again", () => {
  /** `pages` pages, give or take some, of which all but the table's are one row each. */
  async function grown(where: Scratch, pages: number, autoVacuum = "none"): Promise<Database> {
    const db = await open(where.url, where.writer());
    await db.exec(`pragma auto_vacuum = ${autoVacuum}; create table t (n integer primary key, b blob); ${insertPages(1, pages)}`);
    await db.sync();
    expect(db.status.pageCount).toBeGreaterThanOrEqual(pages);
    return db;
  }
  const pageCount = async (db: Database): Promise<unknown> => (await db.pragma("page_count"))[0]?.["page_count"];

  for (const autoVacuum of ["none", "full"]) {
    for (const syncs of [1, 2]) {
      it(`from 100 to 50 pages and back within ${syncs} ${syncs === 1 ? "sync" : "syncs"}, auto_vacuum ${autoVacuum}`, async () => {
        const where = scratch();
        await using db = await grown(where, 100, autoVacuum);
        // Whoever followed all the way must see it too, with what its cache held before.
        await using follower = await open(where.url, { pollIntervalMs: 0 });
        await using copy = await open(where.url, { pollIntervalMs: 0, hydration: { path: path.join(where.dir, "copy.db") } });
        await copy.hydrated();
        await pagesOf(follower);

        await db.exec("delete from t where n > 48");
        if (autoVacuum === "none") await db.exec("vacuum");
        expect(await pageCount(db)).toBeLessThanOrEqual(55);
        if (syncs === 2) await db.sync();
        // Most of the pages that it grows by are freed before SQLite ever writes them.
        await db.exec(`begin; ${insertPages(1000, 1060)}; delete from t where n between 1000 and 1059; commit`);
        if (autoVacuum === "none") expect(await pageCount(db)).toBeGreaterThanOrEqual(100);
        await db.sync();
        await expectAgreement(db, where);
        await db.exec(insertPages(2000, 2050));
        expect(await pageCount(db)).toBeGreaterThanOrEqual(100);
        const txid = await db.sync();

        const expected = await restored(where.replicaDir);
        for (const reader of [follower, copy]) {
          expect(await reader.refresh()).toBe(txid);
          await expectPages(reader, expected);
        }
        await expectAgreement(db, where);
      });
    }
  }

  it("writes page 500 and is then truncated to 400 within one sync", async () => {
    const where = scratch();
    await using db = await grown(where, 10, "full");
    await db.exec(insertPages(11, 510));
    expect(await pageCount(db)).toBeGreaterThanOrEqual(500);
    await db.exec("delete from t where n > 395");
    expect(await pageCount(db)).toBeLessThanOrEqual(400);
    await db.sync();
    expect(filesOf(where.replicaDir, 0)).toHaveLength(2);
    await expectAgreement(db, where);
  });

  it("inserts 500 pages and deletes most of them in one transaction: the file has no holes", async () => {
    const where = scratch();
    await using db = await grown(where, 10);
    await db.exec(`begin; ${insertPages(11, 510)}; delete from t where n between 20 and 505; commit`);
    expect(await pageCount(db)).toBeGreaterThanOrEqual(500);
    await db.sync();
    // Those that SQLite never wrote are zeros.
    const { pages } = await restored(where.replicaDir);
    expect([...pages.values()].filter((data) => /^A+=*$/.test(data)).length).toBeGreaterThan(300);
    await expectAgreement(db, where);
    // They are free pages, and hold rows later on.
    await db.exec(`${insertPages(600, 900)}`);
    await db.sync();
    await expectAgreement(db, where);
  });
});

describe("a replica with several levels", () => {
  it("opens at the newest TXID from a snapshot, an overlapping level-1 file and level-0 deltas, and goes on", async () => {
    const where = scratch();
    {
      await using db = await open(where.url, where.writer());
      await db.exec(`create table t (n integer primary key, b blob); ${insertPages(1, 40)}`);
      await db.sync();
      for (let n = 2; n <= 7; n += 1) {
        await db.run("update t set b = ? where n = ? or n = 40", [`at ${n}`, n]);
        await db.sync();
      }
    }
    compactTo(where.replicaDir, 9, 1n, 3n);
    compactTo(where.replicaDir, 1, 2n, 5n);
    removeLevelZero(where.replicaDir, 1n, 4n); // 5 is at levels 0 and 1
    const rows = Array.from({ length: 6 }, (_, i) => ({ n: i + 2, b: `at ${i + 2}` }));
    for (const hydration of [false, true]) {
      await using reader = await open(where.url, { hydration });
      expect(reader.status.txid).toBe("0000000000000007");
      if (hydration) await reader.hydrated();
      expect(await reader.all("select n, b from t where n in (2, 3, 4, 5, 6, 7)")).toEqual(rows);
      expect(await reader.get("select b from t where n = 40")).toEqual({ b: "at 7" });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    }
    await using db = await open(where.url, where.writer());
    await db.run("insert into t values (41, 'goes on')");
    expect(await db.sync()).toBe("0000000000000008");
    await using reader = await open(where.url);
    expect(await reader.get("select b from t where n = 41")).toEqual({ b: "goes on" });
    expect(await reader.all("select n, b from t where n in (2, 3, 4, 5, 6, 7)")).toEqual(rows);
  });
});
