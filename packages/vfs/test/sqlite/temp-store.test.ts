import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { HeadwaterError } from "@headwater/core";
import { MemoryFileSystem } from "@headwater/core/testing";
import { afterAll, describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { thrown } from "./differential.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";
import { openMemory, pluck } from "./support.js";

const dir = mkdtempSync(path.join(tmpdir(), "headwater-test-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const runtime = await SqliteRuntime.load({ tempDir: path.join(dir, "temp") });

describe("temporary storage", () => {
  it("of a sort of many rows is on disk, keeps the heap small, and leaves nothing", () => {
    const { db } = openMemory(runtime);
    const before = runtime.heapBytes;
    // The sorter may take as much memory as main's cache.
    db.exec("pragma cache_size=-1000");
    const sort = db.prepare(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) select (i * 7919) % 200003 k, hex(i) from n order by k",
    );
    sort.mode = "pluck";
    let last = -1;
    let rows = 0;
    for (const k of sort.iterate() as Iterable<number>) {
      if (rows === 0) expect(runtime.openFiles.files).toBeGreaterThan(1);
      if (k < last) throw new Error(`not sorted: ${k} after ${last}`);
      last = k;
      rows += 1;
    }
    expect(rows).toBe(200_000);
    expect(readdirSync(path.join(dir, "temp"))).toEqual([]);
    expect(runtime.heapBytes - before).toBeLessThan(24 * 1024 * 1024);
    expect(runtime.openFiles.files).toBe(1);
    db.close();
  });

  it("holds statement journals, temporary tables, and journals of large transactions", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a integer primary key, b unique, c); pragma cache_size=10");
    db.exec(
      "insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select i, i, zeroblob(2000) from n",
    );
    db.exec("begin; update t set c = zeroblob(1900)");
    // Changes more than a statement journal keeps in memory, then fails: only this statement is undone.
    expect(thrown(() => db.exec("update t set c = zeroblob(100), b = case when a = 1999 then 10001 else b + 10000 end"))).toMatchObject({
      code: "SQLITE_CONSTRAINT_UNIQUE",
    });
    expect(pluck(db, "select min(length(c)) || '-' || max(b) from t")).toBe("1900-2000");
    db.exec("create temp table m as select * from t; insert into m select a + 5000, b, c from m");
    expect(runtime.openFiles.journals).toHaveLength(1);
    expect(pluck(db, "select count(*) from m")).toBe(4000);
    db.exec("rollback");
    expect(pluck(db, "select min(length(c)) from t")).toBe(2000);
    expect(pluck(db, "pragma integrity_check")).toBe("ok");
    expect(readdirSync(path.join(dir, "temp"))).toEqual([]);
    db.exec("vacuum");
    expect(MemoryDatabaseFile.of(file.publishedBytes(), 4096).publishedPages).toBe(file.publishedPages);
    db.close();
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });

  it("that fails makes the statement fail with the system's error, and the connection goes on", async () => {
    const fs = new MemoryFileSystem();
    const own = await SqliteRuntime.load({ module: runtime.module, fileSystem: fs, tempDir: "/t" });
    const { db } = openMemory(own);
    db.exec("create table t(a integer primary key, b); pragma cache_size=10");
    db.exec("insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select i, zeroblob(3000) from n");
    const update = "update t set b = zeroblob(2900)";
    for (const nth of [1, 2, 5]) {
      fs.failNext("write", nth, "ENOSPC");
      const failure = thrown(() => db.exec(update));
      expect(HeadwaterError.is(failure)).toBe(true);
      expect(failure).toMatchObject({ code: "SQLITE_FULL", cause: { code: "ENOSPC" } });
      expect(db.inTransaction).toBe(false);
    }
    db.exec(update);
    expect(pluck(db, "select max(length(b)) from t")).toBe(2900);
    expect(pluck(db, "pragma integrity_check")).toBe("ok");
    db.close();
    expect(fs.list("/t")).toEqual([]);
  });
});

describe("two databases that commit together", () => {
  const attachOf = (file: MemoryDatabaseFile): { allows(): boolean; open(): MemoryDatabaseFile } => ({
    allows: () => true,
    open: () => file,
  });
  const open = (): { main: MemoryDatabaseFile; other: MemoryDatabaseFile; db: ReturnType<SqliteRuntime["open"]> } => {
    const other = new MemoryDatabaseFile(8192);
    const { file: main, db } = openMemory(runtime, { attach: attachOf(other) });
    db.exec("create table t(a); insert into t values (1); attach 'other' as o; create table o.t(a); insert into o.t values (1)");
    return { main, other, db };
  };

  it("use a super-journal that is gone afterwards", () => {
    const { main, other, db } = open();
    let seen: readonly string[] = [];
    main.onPublish = () => {
      seen = runtime.openFiles.journals;
    };
    db.exec("begin; update t set a = 2; update o.t set a = 2; commit");
    expect([main.publishedPages, other.publishedPages]).toEqual([2, 2]);
    // By the first publish the super-journal is deleted, the moment of the commit, and main's journal; not the other's.
    expect(seen.map((name) => name.slice(name.lastIndexOf("/") + 1))).toEqual(["other-journal"]);
    expect(runtime.openFiles.journals).toEqual([]);
    db.close();
  });

  for (const [which, call] of [
    ["main", "completeRecord"],
    ["main", "sync"],
    ["other", "completeRecord"],
    ["other", "sync"],
  ] as const) {
    it(`roll back together when ${call} of ${which} fails`, () => {
      const files = open();
      const { db } = files;
      const before = [files.main.publishedBytes(), files.other.publishedBytes()];
      db.exec("pragma cache_size=1; pragma o.cache_size=1; begin; update t set a = 2; update o.t set a = 2");
      db.exec("insert into t values (zeroblob(100000)); insert into o.t values (zeroblob(100000))");
      files[which].fault = (called) => {
        if (called === call) throw new HeadwaterError("BUFFER_FULL", "planned");
      };
      expect(thrown(() => db.exec("commit"))).toMatchObject({ code: "BUFFER_FULL" });
      files[which].fault = undefined;
      if (db.inTransaction) db.exec("rollback");
      expect([files.main.publishedBytes(), files.other.publishedBytes()]).toEqual(before);
      expect([pluck(db, "select a from t"), pluck(db, "select a from o.t")]).toEqual([1, 1]);
      db.exec("begin; update t set a = 3; update o.t set a = 3; commit");
      expect([pluck(db, "select a from t"), pluck(db, "select a from o.t")]).toEqual([3, 3]);
      expect([pluck(db, "pragma main.integrity_check"), pluck(db, "pragma o.integrity_check")]).toEqual(["ok", "ok"]);
      db.close();
      expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
    });
  }
});
