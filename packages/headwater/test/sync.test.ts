import { describe, expect, it } from "vitest";
import { openSync } from "../src/sync.js";
import { scratch } from "./support/scratch.js";

describe("openSync", () => {
  it("creates, writes, syncs and reads back in the caller's thread", () => {
    const { url, writer } = scratch();
    using db = openSync(url, writer());
    db.exec("create table notes (id integer primary key, body text)");
    const insert = db.prepare("insert into notes (body) values (?)");
    expect(insert.run("one")).toMatchObject({ changes: 1, lastInsertRowid: 1 });
    expect(insert.run(["two"])).toMatchObject({ lastInsertRowid: 2 });
    const named = db.prepare("insert into notes (id, body) values (:id, :body)");
    named.run({ id: 9, body: "nine" });
    expect(db.sync()).toBe("0000000000000001");

    using reader = openSync(url);
    expect(reader.prepare("select body from notes order by id").all()).toEqual([{ body: "one" }, { body: "two" }, { body: "nine" }]);
    expect(reader.prepare("select body from notes where id = ?").get(9)).toEqual({ body: "nine" });
    expect([...reader.prepare("select id from notes order by id").iterate()]).toEqual([{ id: 1 }, { id: 2 }, { id: 9 }]);
    expect(reader.pragma("integrity_check", { simple: true })).toBe("ok");
    expect([reader.open, reader.readonly, reader.memory, reader.inTransaction]).toEqual([true, true, false, false]);
  });

  it("wraps functions in transactions, nested ones as savepoints", () => {
    const { url, writer } = scratch();
    using db = openSync(url, writer());
    db.exec("create table t (n)");
    const insert = db.prepare("insert into t values (?)");
    const many = db.transaction((values: number[]) => {
      for (const n of values) insert.run(n);
      return values.length;
    });
    expect(many([1, 2, 3])).toBe(3);
    const failing = db.transaction(() => {
      many.immediate([4, 5]);
      try {
        db.transaction(() => {
          insert.run(6);
          throw new Error("inner");
        })();
      } catch {
        // Undone alone.
      }
      insert.run(7);
    });
    failing();
    expect(db.prepare("select n from t order by n").all()).toEqual([1, 2, 3, 4, 5, 7].map((n) => ({ n })));
    expect(() =>
      db.transaction(() => {
        insert.run(8);
        throw new Error("outer");
      })(),
    ).toThrow("outer");
    expect(db.prepare("select count(*) as n from t").get()).toEqual({ n: 6 });
    expect(() => db.transaction(async () => 1)()).toThrow(TypeError);
    expect(db.inTransaction).toBe(false);
  });

  it("hydrates, and waits for it", () => {
    const { url, writer } = scratch();
    using db = openSync(url, writer({ hydration: true }));
    db.exec("create table t (b); insert into t values (randomblob(100000))");
    db.sync();
    db.hydrated();
    expect(db.status.hydration.state).toBe("complete");
    expect(db.prepare("select length(b) as n from t").get()).toEqual({ n: 100_000 });
  });

  it("throws typed errors", () => {
    const { url, writer } = scratch();
    expect(() => openSync(url)).toThrow(expect.objectContaining({ code: "NO_REPLICA" }));
    expect(() => openSync(url, { writes: true } as never)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    const db = openSync(url, writer());
    expect(() => db.prepare("selec 1")).toThrow(expect.objectContaining({ code: "SQLITE_ERROR" }));
    db.close();
    db.close();
    expect(() => db.prepare("select 1")).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});
