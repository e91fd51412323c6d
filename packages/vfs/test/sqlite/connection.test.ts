import { describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";

const runtime = await SqliteRuntime.load();

describe("a connection", () => {
  it("creates, writes, reads and closes", () => {
    const file = new MemoryDatabaseFile(4096);
    const db = runtime.open("app", file, { readonly: false, pageSize: 4096 });
    db.exec("create table t(a integer primary key, b text, c blob); insert into t values (1, 'x', x'0102'), (2, 'é', null)");
    expect(db.prepare("select * from t").all()).toEqual([
      { a: 1, b: "x", c: Buffer.from([1, 2]) },
      { a: 2, b: "é", c: null },
    ]);
    expect(db.prepare("insert into t(b) values (?)").run("three")).toEqual({ changes: 1, lastInsertRowid: 3 });
    expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    expect(db.prepare("pragma synchronous").get()).toEqual({ synchronous: 1 });
    db.close();
    expect(file.closed).toBe(true);
    expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
  });
});
