import { SqliteError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { thrown } from "./differential.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";
import { openMemory, pluck } from "./support.js";

const runtime = await SqliteRuntime.load();

describe("journal modes", () => {
  it("other than ours are refused for every schema, and nothing changes", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); attach ':memory:' as m");
    const before = file.publishedBytes();
    for (const mode of ["wal", "off", "memory", "truncate", "PERSIST", "'wal'", "wal2"]) {
      for (const schema of ["", "main.", "m.", "temp."]) {
        const failure = thrown(() => db.exec(`pragma ${schema}journal_mode=${mode}`));
        expect(failure).toBeInstanceOf(SqliteError);
        expect(failure).toMatchObject({ code: "SQLITE_AUTH" });
      }
      expect(thrown(() => db.prepare(`pragma journal_mode(${mode})`))).toMatchObject({ code: "SQLITE_AUTH" });
    }
    expect((thrown(() => db.exec("pragma journal_mode=wal")) as Error).message).toContain("journal_mode=wal");
    expect(file.publishedBytes()).toEqual(before);
    expect([pluck(db, "pragma journal_mode"), pluck(db, "pragma m.journal_mode")]).toEqual(["delete", "memory"]);
    expect(pluck(db, "pragma JOURNAL_MODE=Delete")).toBe("delete");
    db.close();
  });

  it("of a database that comes from a WAL primary do not matter, while bytes 18-19 read as 1", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); insert into t values (1)");
    db.close();
    const bytes = file.publishedBytes();
    bytes.set([2, 2], 18);
    const wal = MemoryDatabaseFile.of(bytes, 4096);
    const shown = new Proxy(wal, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key !== "readPage") return typeof value === "function" ? (value as () => unknown).bind(target) : value;
        return (pgno: number, into: Uint8Array, offset: number) => {
          target.readPage(pgno, into, offset);
          if (pgno === 1) for (const at of [18, 19]) if (at >= offset && at < offset + into.byteLength) into[at - offset] = 1;
        };
      },
    });
    const second = runtime.open("app", shown, { readonly: false, pageSize: 4096 });
    second.exec("insert into t values (2)");
    expect(pluck(second, "select count(*) from t")).toBe(2);
    expect([pluck(second, "pragma journal_mode"), pluck(second, "pragma integrity_check")]).toEqual(["delete", "ok"]);
    second.close();
  });
});

describe("locking_mode", () => {
  it("answers normal and stays so", () => {
    const { file, db } = openMemory(runtime);
    expect(pluck(db, "pragma locking_mode=exclusive")).toBe("normal");
    expect(pluck(db, "pragma main.locking_mode=EXCLUSIVE")).toBe("normal");
    expect(pluck(db, "pragma locking_mode")).toBe("normal");
    db.exec("create table t(a)");
    file.recording = true;
    db.exec("insert into t values (1)");
    expect(file.calls.at(-1)).toBe("unlock 0");
    db.close();
  });
});

describe("page sizes", () => {
  it("can't be changed, by whatever way", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); insert into t values (1); attach ':memory:' as m");
    for (const sql of [
      "pragma page_size=512",
      "pragma main.page_size=8192",
      "pragma m.page_size=512",
      "pragma page_size=0",
      "pragma page_size='1024'",
    ]) {
      expect(thrown(() => db.exec(sql))).toMatchObject({ code: "SQLITE_AUTH" });
    }
    db.exec("pragma page_size=4096; vacuum");
    expect(pluck(db, "pragma page_size")).toBe(4096);
    expect(file.publishedBytes().byteLength % 4096).toBe(0);
    db.close();
  });

  it("that come in as bytes of the header are refused when the record is completed", () => {
    const { file, db } = openMemory(runtime);
    db.exec("create table t(a); insert into t values (1); pragma writable_schema=on");
    const before = file.publishedBytes();
    const header = Buffer.from(before.subarray(0, 4096));
    header.writeUInt16BE(8192, 16);
    expect(thrown(() => db.prepare("update sqlite_dbpage set data = ? where pgno = 1").run(header))).toMatchObject({
      code: "SQLITE_IOERR_FSYNC",
      cause: { message: "the page size of a database can't be changed to 8192" },
    });
    expect(file.publishedBytes()).toEqual(before);
    expect([pluck(db, "select a from t"), pluck(db, "pragma integrity_check")]).toEqual([1, "ok"]);
    db.close();
  });

  it("are those of a new database, and VACUUM keeps an attached one's", () => {
    const other = new MemoryDatabaseFile(1024);
    const first = runtime.open("other", other, { readonly: false, pageSize: 1024 });
    first.exec("create table o(a); insert into o values (zeroblob(5000))");
    first.close();
    const reopened = MemoryDatabaseFile.of(other.publishedBytes(), 1024);
    const { db } = openMemory(runtime, { pageSize: 8192, attach: { allows: (name) => name === "other", open: () => reopened } });
    db.exec("create table t(a); attach 'other' as o; vacuum o; vacuum");
    expect([pluck(db, "pragma main.page_size"), pluck(db, "pragma o.page_size")]).toEqual([8192, 1024]);
    expect(pluck(db, "pragma integrity_check")).toBe("ok");
    db.close();
  });
});

describe("ATTACH", () => {
  it("takes databases in memory and temporary ones", () => {
    const { db } = openMemory(runtime);
    db.exec("attach ':memory:' as m; attach '' as e; create table m.t(a); create table e.t(a); insert into m.t values (1)");
    expect([pluck(db, "select a from m.t"), pluck(db, "select count(*) from e.t")]).toEqual([1, 0]);
    db.prepare("attach ? as bound").run(":memory:");
    db.exec("detach m; detach e; detach bound");
    db.close();
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });

  it("refuses everything else with a clear error, before and while it runs", () => {
    const { db } = openMemory(runtime);
    db.exec("create table t(a)");
    for (const name of ["/etc/passwd", "other.db", "file:x", "file:x?vfs=memdb", "file::memory:", "/1/app"]) {
      for (const sql of [`attach '${name}' as x`, `vacuum into '${name}'`]) {
        const failure = thrown(() => db.exec(sql));
        expect(failure).toBeInstanceOf(SqliteError);
        expect([name, (failure as SqliteError).code]).toEqual([name, "SQLITE_AUTH"]);
      }
    }
    for (const name of ["/etc/passwd", "file:x", "/1/app"]) {
      expect(thrown(() => db.prepare("attach ? as x").run(name))).toMatchObject({ code: "SQLITE_AUTH" });
    }
    for (const vfs of ["memdb", "unix", "unix-none", "kvvfs"]) {
      const failure = thrown(() => db.prepare("attach ? as x").run(`file:x?vfs=${vfs}`));
      expect(failure).toMatchObject({ code: "SQLITE_ERROR", message: `no such vfs: ${vfs}` });
    }
    expect((thrown(() => db.exec("vacuum into 'copy.db'")) as Error).message).toContain("file=copy.db");
    db.exec("attach ':memory:' as ok; insert into t values (1)");
    expect(pluck(db, "select count(*) from t")).toBe(1);
    db.close();
  });

  it("opens what is opted in, under any name, and closes it on DETACH", () => {
    const opened: MemoryDatabaseFile[] = [];
    const attach = {
      allows: (name: string) => name.startsWith("s3://bucket/"),
      open: () => {
        const file = new MemoryDatabaseFile(8192);
        opened.push(file);
        return file;
      },
    };
    const { db } = openMemory(runtime, { attach });
    const { db: second } = openMemory(runtime, { attach });
    for (const one of [db, second]) {
      one.exec("attach 's3://bucket/a?region=x' as a; create table a.t(x); insert into a.t values (5)");
      one.prepare("attach ? as b").run("s3://bucket/a?region=x");
      one.exec("create table b.t(x)");
      expect([pluck(one, "select x from a.t"), pluck(one, "select count(*) from b.t"), pluck(one, "pragma a.synchronous")]).toEqual([
        5, 0, 1,
      ]);
      expect(thrown(() => one.exec("attach 's3://other/a' as c"))).toMatchObject({ code: "SQLITE_AUTH" });
    }
    db.exec("detach a");
    expect(opened.map((file) => file.closed)).toEqual([true, false, false, false]);
    db.exec("attach 's3://bucket/again' as a");
    db.close();
    second.close();
    expect(opened.every((file) => file.closed)).toBe(true);
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });

  it("hands on what opening the database threw", () => {
    const attach = {
      allows: () => true,
      open: () => {
        throw new SqliteError("SQLITE_CANTOPEN", "no replica there");
      },
    };
    const { db } = openMemory(runtime, { attach });
    expect(thrown(() => db.exec("attach 'x' as x"))).toMatchObject({ code: "SQLITE_CANTOPEN", message: "no replica there" });
    db.close();
  });
});
