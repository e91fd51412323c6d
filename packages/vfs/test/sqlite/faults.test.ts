import { type ErrorCode, HeadwaterError, SqliteError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { Differential, thrown } from "./differential.js";
import { type FileCall, MemoryDatabaseFile } from "./memory-database-file.js";

const seed = testSeed("faults");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const runtime = await SqliteRuntime.load();

const CALLS = ["readPage", "writePage", "truncate", "completeRecord", "sync", "lock"] as const;
const CODES = ["STORE_UNAVAILABLE", "BUFFER_FULL", "FENCED", "ABORTED", "LTX_CORRUPT", "BUFFER_UNWRITABLE", "TIMEOUT"] as const;

function open(pageSize = 1024): { file: MemoryDatabaseFile; db: ReturnType<SqliteRuntime["open"]> } {
  const file = new MemoryDatabaseFile(pageSize);
  const db = runtime.open("app", file, { readonly: false, pageSize });
  db.exec("create table t(a integer primary key, b text); create index i on t(b); insert into t values (1, 'one')");
  return { file, db };
}

/** Fails the `nth` (from 1) following call of a kind, once. Returns the error, and whether it was thrown. */
function plan(file: MemoryDatabaseFile, call: FileCall, nth: number, code: ErrorCode): { error: HeadwaterError; fired: () => boolean } {
  const error = new HeadwaterError(code, `planned failure of ${call}`);
  let left = nth;
  file.fault = (called) => {
    if (called !== call || left <= 0) return;
    left -= 1;
    if (left === 0) throw error;
  };
  return { error, fired: () => left === 0 };
}

describe("a call of the database file that fails", () => {
  for (const call of CALLS) {
    it(`${call}: the statement fails with our error, the connection goes on`, () => {
      const { file, db } = open();
      db.exec("pragma cache_size=1; begin");
      const insert = db.prepare("insert into t(b) values (?)");
      for (let i = 0; i < 50; i += 1) insert.run(`x${i}`.repeat(50));
      db.exec("commit");
      const before = db.prepare("select count(*) n from t").get();
      const { error, fired } = plan(file, call, 1, "STORE_UNAVAILABLE");
      // Reads past the cache, writes more than it holds, frees pages and so truncates.
      const caught = thrown(() =>
        db.exec(call === "truncate" ? "delete from t; vacuum" : "delete from t where a % 3 = 0; update t set b = b || 'y'"),
      );
      file.fault = undefined;
      expect(fired()).toBe(true);
      expect(caught).toMatchObject({ code: "STORE_UNAVAILABLE", message: error.message, retryable: true });
      expect((caught as Error).cause).toBeInstanceOf(SqliteError);
      expect(db.lastCause()).toBe(error);
      if (call !== "truncate") expect(db.prepare("select count(*) n from t").get()).toEqual(before);
      db.exec("insert into t(b) values ('later')");
      expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
      db.close();
    });
  }

  it("names the result code that SQLite got", () => {
    const { file, db } = open();
    const codes: Record<string, unknown> = {};
    for (const [call, code] of [
      ["completeRecord", "BUFFER_FULL"],
      ["completeRecord", "STORE_UNAVAILABLE"],
      ["sync", "NOT_DURABLE"],
      ["lock", "TIMEOUT"],
      ["writePage", "FENCED"],
      ["writePage", "BUFFER_FULL"],
    ] as const) {
      plan(file, call, 1, code);
      const caught = thrown(() => db.exec("update t set b = b || 'y'")) as HeadwaterError;
      codes[`${call} ${code}`] = [caught.code, (caught.cause as SqliteError).code];
      file.fault = undefined;
    }
    expect(codes).toEqual({
      "completeRecord BUFFER_FULL": ["BUFFER_FULL", "SQLITE_FULL"],
      "completeRecord STORE_UNAVAILABLE": ["STORE_UNAVAILABLE", "SQLITE_IOERR_FSYNC"],
      "sync NOT_DURABLE": ["NOT_DURABLE", "SQLITE_IOERR_FSYNC"],
      "lock TIMEOUT": ["TIMEOUT", "SQLITE_IOERR_LOCK"],
      "writePage FENCED": ["FENCED", "SQLITE_IOERR_WRITE"],
      "writePage BUFFER_FULL": ["BUFFER_FULL", "SQLITE_FULL"],
    });
    db.close();
  });

  it("keeps a failure that was overcome out of later errors", () => {
    const { file, db } = open();
    plan(file, "completeRecord", 1, "BUFFER_FULL");
    expect(thrown(() => db.exec("update t set b = 'x'"))).toMatchObject({ code: "BUFFER_FULL" });
    file.fault = undefined;
    db.exec("update t set b = 'y'; pragma max_page_count=1");
    const full = thrown(() => db.exec(`insert into t(b) values (zeroblob(100000))`));
    expect(full).toBeInstanceOf(SqliteError);
    expect(full).toMatchObject({ code: "SQLITE_FULL" });
    expect((full as Error).cause).toBeUndefined();
    db.close();
  });

  it("tells the cause also of a statement that fails because an open one has not been reset", () => {
    const { file, db } = open();
    db.exec("pragma cache_size=1; begin");
    for (let i = 0; i < 200; i += 1) db.exec(`insert into t(b) values ('${"z".repeat(100)}${i}')`);
    db.exec("commit");
    const reading = db.prepare("select * from t").iterate();
    reading.next();
    plan(file, "writePage", 1, "STORE_UNAVAILABLE");
    const write = (): void => db.exec("update t set b = b || 'y'");
    expect(thrown(write)).toMatchObject({ code: "STORE_UNAVAILABLE" });
    file.fault = undefined;
    const second = thrown(write);
    expect(second === undefined || HeadwaterError.is(second)).toBe(true);
    reading.return?.();
    write();
    expect(db.prepare("select count(*) n from t where b like '%y'").get()).toEqual({ n: 201 });
    db.close();
  });

  it("rolls the whole transaction back when a page can't be read in the middle of a write", () => {
    const { file, db } = open(512);
    db.exec(
      "begin; insert into t(b) with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i || 'x' from n; commit",
    );
    for (const code of ["LTX_CORRUPT", "REPLICA_GAP", "STORE_UNAVAILABLE", "SQLITE_CORRUPT"] as const) {
      for (let nth = 1; nth < 6; nth += 1) {
        db.exec("pragma cache_size=1; begin; insert into t(b) values ('first')");
        const { fired } = plan(file, "readPage", nth, code);
        const failure = thrown(() => db.exec("delete from t where a % 7 = 0"));
        expect(fired()).toBe(true);
        expect(failure).toMatchObject({ code });
        // Whatever is left of the transaction must not be a tree half rebalanced.
        expect(db.inTransaction).toBe(false);
        file.fault = undefined;
        expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
      }
    }
    expect(db.prepare("select count(*) n from t where b = 'first'").get()).toEqual({ n: 0 });
    db.close();
  });

  it("rolls the whole transaction back when the cache spills and EXCLUSIVE is refused", () => {
    const { file, db } = open(512);
    db.exec("pragma cache_size=1; begin; insert into t(b) values ('first')");
    const error = new HeadwaterError("FENCED", "planned");
    file.fault = (call) => {
      if (call === "lock") throw error;
    };
    const insert = "insert into t(b) with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i || 'x' from n";
    const failure = thrown(() => db.exec(insert)) as HeadwaterError;
    expect([failure.code, (failure.cause as SqliteError).code, db.inTransaction]).toEqual(["FENCED", "SQLITE_IOERR_LOCK", false]);
    file.fault = undefined;
    expect(db.prepare("select count(*) n from t").get()).toEqual({ n: 1 });
    db.close();
  });

  it("answers READONLY at once where the lock before the first change is refused", () => {
    const { file, db } = open();
    plan(file, "lock", 2, "FENCED");
    const failure = thrown(() => db.exec("update t set b = 'x'")) as HeadwaterError;
    expect([failure.code, (failure.cause as SqliteError).code]).toEqual(["FENCED", "SQLITE_READONLY"]);
    db.close();
  });

  it("turns a bug into SQLITE_IOERR with the bug as its cause", () => {
    const { file, db } = open();
    const bug = new TypeError("x is not a function");
    file.fault = (call) => {
      if (call === "completeRecord") throw bug;
    };
    expect(thrown(() => db.exec("update t set b = 'x'"))).toMatchObject({ code: "SQLITE_IOERR_FSYNC", cause: bug });
    file.fault = undefined;
    db.exec("update t set b = 'x'");
    db.close();
  });

  it("fails the open, and closes the file", () => {
    const { file, db } = open();
    const bytes = file.publishedBytes();
    db.close();
    const again = MemoryDatabaseFile.of(bytes, 1024);
    plan(again, "readPage", 1, "STORE_UNAVAILABLE");
    expect(thrown(() => runtime.open("app", again, { readonly: false, pageSize: 1024 }))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(again.closed).toBe(true);
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });

  it("reports a close that fails, once", () => {
    const { file, db } = open();
    plan(file, "close", 1, "NOT_DURABLE");
    expect(thrown(() => db.close())).toMatchObject({ code: "NOT_DURABLE" });
    expect(db.open).toBe(false);
    db.close();
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });
});

describe("random SQL with failing calls, compared with plain SQLite after every statement", () => {
  for (const call of CALLS) {
    it(`goes on after a failing ${call}`, async () => {
      let faults = 0;
      for (let i = 0; i < Math.ceil(rounds); i += 1) {
        const random = new SeededRandom(seed + i * 104_729 + CALLS.indexOf(call));
        const pageSize = random.pick([512, 1024, 4096]);
        const file = new MemoryDatabaseFile(pageSize);
        const subject = { file, publishedBytes: () => file.publishedBytes() };
        const run = await Differential.start(runtime, subject, random.nextU32());
        const faulty = async (sql: string, nth: number): Promise<void> => {
          const { error } = plan(file, call, nth, random.pick(CODES));
          await run.stepWithFault(error.code, sql, (thrown) => {
            file.fault = undefined;
            return thrown instanceof Error && thrown.message === error.message;
          });
        };
        // One of these meets the planned call for certain: many pages are read and written, freed, and given up.
        await run.step(
          `with recursive n(i) as (select 1 union all select i + 1 from n where i < 40) insert into t0 select i, i, zeroblob(${pageSize * 2}) from n`,
        );
        await run.step("pragma user_version=7");
        run.db.exec("pragma cache_size=1");
        await faulty("delete from t0 where c is not null", 1);
        await faulty("delete from t0 where c is not null", 1);
        await faulty("vacuum", 1);
        for (let n = 0; n < 45; n += 1) {
          if (random.chance(0.4)) {
            await faulty(
              call === "truncate" && random.chance(0.4) ? "vacuum" : run.nextSql(),
              1 + random.below(call === "readPage" ? 12 : 3),
            );
            continue;
          }
          if (random.chance(0.2)) run.setting();
          await run.step(run.nextSql());
        }
        faults += run.counts.faults;
        run.close();
      }
      expect(faults).toBeGreaterThan(0);
      expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
    });
  }
});
