import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HeadwaterError, SqliteError } from "@headwater/core";
import { describe, expect, it, vi } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { thrown } from "./differential.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";
import { openMemory, pluck } from "./support.js";

const runtime = await SqliteRuntime.load();

describe("a runtime", () => {
  it("says its version, compiles once, and prints nothing", async () => {
    const spies = [vi.spyOn(console, "log"), vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
    const before = { warn: () => {} };
    const config = globalThis as { sqlite3ApiConfig?: unknown };
    config.sqlite3ApiConfig = before;
    const [a, b] = await Promise.all([SqliteRuntime.load({ module: runtime.module }), SqliteRuntime.load({ module: runtime.module })]);
    expect(config.sqlite3ApiConfig).toBe(before);
    delete config.sqlite3ApiConfig;
    expect(a?.module).toBe(runtime.module);
    expect(b?.version).toMatch(/^3\.\d+\.\d+$/);
    for (const one of [a, b]) {
      const { db } = openMemory(one as SqliteRuntime);
      expect(thrown(() => db.exec("create table t(a unique); insert into t values (1), (1)"))).toBeInstanceOf(SqliteError);
      db.close();
    }
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("keeps many databases apart, also of one name", () => {
    const all = Array.from({ length: 20 }, () => openMemory(runtime).db);
    all.forEach((db, i) => {
      db.exec(`begin; create table t(a); insert into t values (${i})`);
    });
    all.forEach((db) => {
      db.exec("commit");
    });
    expect(all.map((db) => pluck(db, "select a from t"))).toEqual(all.map((_, i) => i));
    for (const db of all) db.close();
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });
});

describe("a connection", () => {
  it("creates, writes, reads and closes", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a integer primary key, b text, c blob); insert into t values (1, 'x', x'0102'), (2, 'é', null)");
    expect(db.prepare("select * from t").all()).toEqual([
      { a: 1, b: "x", c: Buffer.from([1, 2]) },
      { a: 2, b: "é", c: null },
    ]);
    expect(db.prepare("insert into t(b) values (?)").run("three")).toEqual({ changes: 1, lastInsertRowid: 3 });
    expect([db.changes, db.totalChanges, db.lastInsertRowid]).toEqual([1, 3, 3]);
    db.close();
    db.close();
    expect([file.closed, db.open, db.inTransaction]).toEqual([true, false, false]);
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
    for (const use of [() => db.exec("select 1"), () => db.prepare("select 1"), () => db.changes, () => db.interrupt()]) {
      expect(thrown(use)).toMatchObject({ code: "CLOSED" });
    }
  });

  it("has its settings on every schema, and leaves them to the user afterwards", () => {
    const { db } = openMemory(runtime, { cacheBytes: 1024 * 1024 });
    const settings = ["foreign_keys", "temp_store", "synchronous", "journal_mode", "cache_size", "page_size"];
    expect(settings.map((name) => pluck(db, `pragma ${name}`))).toEqual([1, 1, 1, "delete", -1024, 4096]);
    db.exec("attach ':memory:' as m; pragma main.synchronous=full");
    expect([pluck(db, "pragma m.synchronous"), pluck(db, "pragma main.synchronous")]).toEqual([1, 2]);
    db.exec("detach m; attach '' as m; vacuum");
    expect([pluck(db, "pragma m.synchronous"), pluck(db, "pragma main.synchronous")]).toEqual([1, 2]);
    db.close();
    const { db: fresh } = openMemory(runtime);
    // Set before anything else was: the first statement must not take it back.
    fresh.exec("pragma synchronous=extra");
    expect([pluck(fresh, "pragma synchronous"), pluck(fresh, "pragma cache_size")]).toEqual([3, -16384]);
    fresh.close();
  });

  it("opens without reading more than the header, and reads the schema with the first statement", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a)");
    db.close();
    const again = MemoryDatabaseFile.of(file.publishedBytes(), 4096);
    again.recording = true;
    const second = runtime.open("app", again, { readonly: false, pageSize: 4096 });
    expect(again.calls.filter((call) => call.startsWith("lock"))).toEqual([]);
    expect(again.calls.filter((call) => call.startsWith("readPage"))).toEqual(["readPage 1"]);
    expect(pluck(second, "select count(*) from t")).toBe(0);
    second.close();
  });

  it("repeats a read for the price of one small read while nothing changes", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a integer primary key, b); insert into t values (1, 'x')");
    const get = db.prepare("select b from t where a = ?");
    get.get(1);
    file.recording = true;
    get.get(1);
    expect(file.calls).toEqual(["lock 1", "readPage 1", "unlock 0"]);
    db.close();
  });

  it("tells the database file of every step of a commit, in order", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a)");
    file.recording = true;
    db.exec("insert into t values (1)");
    const steps = file.calls.filter((call) => !/^(readPage|pragma)/.test(call));
    expect(steps).toEqual([
      "lock 1",
      "lock 2",
      "lock 4",
      "writePage 1",
      "writePage 2",
      "completeRecord",
      "sync false",
      "publish",
      "unlock 1",
      "unlock 0",
    ]);
    db.close();
  });

  it("asks for a durable commit with synchronous=FULL and EXTRA, and for none with OFF", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a)");
    file.recording = true;
    const syncs: Record<string, string[]> = {};
    for (const mode of ["off", "normal", "full", "extra"]) {
      db.exec(`pragma synchronous=${mode}; pragma cache_size=1`);
      for (const sql of ["insert into t values (1)", "insert into t select randomblob(3000) from t, t, t limit 50", "delete from t"]) {
        file.calls.length = 0;
        db.exec(sql);
        syncs[mode] = [...(syncs[mode] ?? []), ...file.calls.filter((call) => call.startsWith("sync"))];
      }
    }
    expect(syncs).toEqual({
      off: [],
      normal: ["sync false", "sync false", "sync false"],
      full: ["sync true", "sync true", "sync true"],
      extra: ["sync true", "sync true", "sync true"],
    });
    db.close();
  });

  it("rolls back on close, and leaves no journal", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); pragma cache_size=1; begin");
    for (let i = 0; i < 100; i += 1) db.exec("insert into t values (zeroblob(1000))");
    const before = file.publishedBytes();
    expect(runtime.openFiles.journals).toHaveLength(1);
    db.close();
    expect(file.publishedBytes()).toEqual(before);
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });

  it("opens for reading only: SQLite refuses to write", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); insert into t values (1)");
    db.close();
    const { db: reader } = openMemory(runtime, { readonly: true, bytes: file.publishedBytes() });
    expect(pluck(reader, "select a from t")).toBe(1);
    expect(thrown(() => reader.exec("delete from t"))).toMatchObject({ code: "SQLITE_READONLY" });
    expect(pluck(reader, "select count(*) from t")).toBe(1);
    reader.exec("create temp table u as select * from t");
    reader.close();
  });

  it("says why it can't write where the file says so, and writes once it may", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a)");
    file.writable = false;
    expect(thrown(() => db.exec("insert into t values (1)"))).toMatchObject({ code: "READ_ONLY", cause: { code: "SQLITE_READONLY" } });
    file.reason = new HeadwaterError("FENCED", "another writer");
    db.exec("begin");
    expect(thrown(() => db.exec("insert into t values (1)"))).toMatchObject({ code: "FENCED", cause: { code: "SQLITE_READONLY" } });
    expect(db.inTransaction).toBe(true);
    db.exec("rollback");
    file.writable = true;
    db.exec("insert into t values (1)");
    expect(pluck(db, "select count(*) from t")).toBe(1);
    db.close();
  });

  it("asks the file for pragmas of ours, also when the database can't be read", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a)");
    db.close();
    const again = MemoryDatabaseFile.of(file.publishedBytes(), 4096);
    const asked: unknown[] = [];
    again.onPragma = (name, value) => {
      if (!name.startsWith("litestream_")) return undefined;
      asked.push([name, value]);
      if (value === "bad") throw new HeadwaterError("BAD_OPTION", "no such point in time");
      return "answer ✓";
    };
    const second = runtime.open("app", again, { readonly: false, pageSize: 4096 });
    again.fault = (call) => {
      if (call === "readPage") throw new HeadwaterError("STORE_UNAVAILABLE", "gone");
    };
    expect(pluck(second, "PRAGMA Litestream_TXID")).toBe("answer ✓");
    expect(pluck(second, "pragma main.litestream_time = '1 minute ago'")).toBe("answer ✓");
    expect(thrown(() => second.exec("pragma litestream_time=bad"))).toMatchObject({
      code: "BAD_OPTION",
      message: "no such point in time",
      cause: { code: "SQLITE_ERROR", message: "no such point in time" },
    });
    expect(asked).toEqual([
      ["litestream_txid", undefined],
      ["litestream_time", "1 minute ago"],
      ["litestream_time", "bad"],
    ]);
    expect(thrown(() => second.exec("select * from t"))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    again.fault = undefined;
    expect(pluck(second, "select count(*) from t")).toBe(0);
    second.close();
  });

  it("asks again each time that a prepared pragma of ours is run", () => {
    const { file, db } = openMemory(runtime);
    let lag = 0;
    file.onPragma = (name) => {
      if (name !== "litestream_lag") return undefined;
      if (lag === 2) throw new HeadwaterError("STALE", "too old");
      lag += 1;
      return String(lag);
    };
    const pragma = db.prepare("/* ours */ PRAGMA litestream_lag");
    pragma.mode = "pluck";
    const first = pragma.get();
    expect([first, pragma.get()]).toEqual(["1", "2"]);
    expect(thrown(() => pragma.get())).toMatchObject({ code: "STALE", message: "too old" });
    lag = 10;
    expect([...pragma.iterate()]).toEqual(["11"]);
    pragma.finalize();
    expect(thrown(() => pragma.get())).toMatchObject({ code: "CLOSED" });
    db.close();
  });

  it("frees statements that were forgotten", async () => {
    const own = await SqliteRuntime.load({ module: runtime.module });
    const { db } = openMemory(own);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    // 200 MB of SQL text, which SQLite keeps with each statement.
    const text = "x".repeat(100_000);
    for (let round = 0; round < 20; round += 1) {
      for (let i = 0; i < 100; i += 1) db.prepare(`select ${i} /* ${text} */`);
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(own.heapBytes).toBeLessThan(120 * 1024 * 1024);
    db.close();
  });

  it("runs all of exec, and stops at the first failure", () => {
    const { db } = openMemory(runtime);
    db.exec("");
    db.exec(" ; -- nothing\n /* at all */ ;");
    expect(
      thrown(() => db.exec("create table t(a unique); insert into t values (1); insert into t values (1); insert into t values (2)")),
    ).toMatchObject({
      code: "SQLITE_CONSTRAINT_UNIQUE",
      message: "UNIQUE constraint failed: t.a",
    });
    expect(pluck(db, "select count(*) from t")).toBe(1);
    db.exec(
      "pragma auto_vacuum=2; vacuum; insert into t select value from generate_series(10, 3000)".replace(
        "generate_series(10, 3000)",
        "json_each(json_array(10,11,12,13,14,15))",
      ),
    );
    db.exec(`insert into t select a || '${"x".repeat(3000)}' from t; delete from t where a > 10; pragma incremental_vacuum`);
    expect(pluck(db, "pragma freelist_count")).toBe(0);
    const big = `insert into t values ('${"é".repeat(100_000)}');`.repeat(2).replace("é", "e");
    db.exec(big);
    expect(pluck(db, "select max(length(a)) from t")).toBe(100_000);
    db.close();
  });

  it("takes part of a growing heap: values of many megabytes", () => {
    const { db } = openMemory(runtime);
    const before = runtime.heapBytes;
    const big = Buffer.alloc(20_000_000, "abc");
    db.exec("create table t(a)");
    const insert = db.prepare("insert into t values (?)");
    insert.run(big);
    insert.run(big.toString());
    expect(runtime.heapBytes).toBeGreaterThan(before);
    const rows = db.prepare("select a from t").all() as { a: unknown }[];
    expect(big.equals(rows[0]?.a as Buffer)).toBe(true);
    expect(rows[1]?.a === big.toString()).toBe(true);
    db.close();
  });

  it("stops a statement that is no longer wanted", () => {
    const { db } = openMemory(runtime);
    let asked = 0;
    db.onProgress(1000, () => {
      asked += 1;
      return asked > 3;
    });
    const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    expect(thrown(() => db.exec(endless))).toMatchObject({ code: "SQLITE_INTERRUPT" });
    db.onProgress(1000, () => {
      throw new Error("a bug");
    });
    expect(thrown(() => db.exec(endless))).toMatchObject({ code: "SQLITE_INTERRUPT" });
    db.onProgress(0, undefined);
    expect(pluck(db, "select 1")).toBe(1);
    db.close();
  });

  it("knows when a transaction is open", () => {
    const { db } = openMemory(runtime);
    const seen: boolean[] = [];
    for (const sql of ["begin", "rollback", "savepoint s", "release s"]) {
      db.exec(sql);
      seen.push(db.inTransaction);
    }
    expect(seen).toEqual([true, false, true, false]);
    db.close();
  });

  it("refuses a page size that is not the file's", () => {
    const file = new MemoryDatabaseFile(1024);
    expect(thrown(() => runtime.open("app", file, { readonly: false, pageSize: 4096 }))).toMatchObject({ code: "BAD_OPTION" });
    expect(file.closed).toBe(true);
  });

  it("says NOTADB of bytes that are none", () => {
    const bytes = new Uint8Array(4096).fill(7);
    const { db } = openMemory(runtime, { bytes });
    expect(thrown(() => db.exec("select * from sqlite_schema"))).toMatchObject({ code: "SQLITE_NOTADB" });
    db.close();
  });

  it("takes the time from its port", async () => {
    const own = await SqliteRuntime.load({
      module: runtime.module,
      clock: { nowMs: () => Date.UTC(2026, 10, 25, 1, 2, 3, 456), monotonicMs: () => 0 },
      random: { nextU32: () => 7 },
    });
    const one = openMemory(own).db;
    expect(pluck(one, "select strftime('%Y-%m-%d %H:%M:%f', 'now')")).toBe("2026-11-25 01:02:03.456");
    one.close();
  });
});
