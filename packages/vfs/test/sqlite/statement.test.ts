import { OptionError, OptionRangeError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { SqliteRuntime, type Statement } from "../../src/sqlite/index.js";
import { thrown } from "./differential.js";
import { openMemory, pluck } from "./support.js";

const runtime = await SqliteRuntime.load();
const { db } = openMemory(runtime);
db.exec("create table t(a integer primary key, b text not null, c blob); create table u(x, y)");

const mode = (statement: Statement, m: Statement["mode"], safeIntegers = false): Statement => {
  statement.mode = m;
  statement.safeIntegers = safeIntegers;
  return statement;
};
const outcome = (sql: string, ...args: unknown[]): unknown => {
  try {
    return mode(db.prepare(sql), "array").get(...args);
  } catch (error) {
    return error instanceof OptionRangeError ? "range" : error instanceof OptionError ? "type" : error;
  }
};

describe("values", () => {
  it("come back as better-sqlite3 gives them", () => {
    const values: [unknown, unknown, string][] = [
      [1, 1, "real"],
      [-0, -0, "real"],
      [1.5, 1.5, "real"],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, "real"],
      [Number.NaN, null, "null"],
      [1n, 1, "integer"],
      [2n ** 63n - 1n, 2 ** 63, "integer"],
      [-(2n ** 63n), -(2 ** 63), "integer"],
      ["", "", "text"],
      ["a\0b", "a\0b", "text"],
      ["grüße 🎈", "grüße 🎈", "text"],
      ["x".repeat(100_000), "x".repeat(100_000), "text"],
      ["é".repeat(50_000), "é".repeat(50_000), "text"],
      [null, null, "null"],
      [undefined, null, "null"],
      [Buffer.from([1, 2]), Buffer.from([1, 2]), "blob"],
      [new Uint8Array(0), Buffer.alloc(0), "blob"],
      [new Uint16Array([1, 2]).subarray(1), Buffer.from([2, 0]), "blob"],
      [new DataView(new ArrayBuffer(3), 1), Buffer.alloc(2), "blob"],
      [Buffer.alloc(100_000, 7), Buffer.alloc(100_000, 7), "blob"],
    ];
    for (const [given, expected, type] of values) expect(outcome("select ?1, typeof(?1)", given)).toEqual([expected, type]);
    // A lone surrogate is no UTF-8.
    expect(outcome("select ?", "\ud800")).toEqual(["\ufffd"]);
    expect(outcome("select cast(x'ff41' as text)")).toEqual(["\ufffdA"]);
  });

  it("of integers are rounded beyond 2^53, or exact as bigints", () => {
    const sql = "select 9007199254740993 a, -9223372036854775808 b, 5 c, 1.5 d, 'x' e";
    expect(mode(db.prepare(sql), "array").get()).toEqual([9007199254740992, -(2 ** 63), 5, 1.5, "x"]);
    expect(mode(db.prepare(sql), "array", true).get()).toEqual([9007199254740993n, -9223372036854775808n, 5n, 1.5, "x"]);
  });

  it("of blobs have memory of their own", () => {
    const [a, b] = mode(db.prepare("select x'010203', x'0405'"), "array").get() as [Buffer, Buffer];
    expect(Buffer.isBuffer(a)).toBe(true);
    expect([a.buffer.byteLength, b.buffer.byteLength]).toEqual([3, 2]);
    a[0] = 9;
    expect([...b]).toEqual([4, 5]);
  });

  it("that SQLite does not know are refused", () => {
    for (const value of [true, new Date(0), Symbol("x"), () => 1, new ArrayBuffer(3), [[1]], new Map()]) {
      expect(outcome("select ?", value)).toBe("type");
    }
    expect(outcome("select ?", 2n ** 63n)).toBe("range");
    expect(outcome("select ?", -(2n ** 63n) - 1n)).toBe("range");
  });
});

describe("parameters", () => {
  it("fill by position, by array, by name, and mixed", () => {
    expect(outcome("select ?, ?", 1, 2)).toEqual([1, 2]);
    expect(outcome("select ?, ?", [1, 2])).toEqual([1, 2]);
    expect(outcome("select ?, ?, ?", 1, [2], 3)).toEqual([1, 2, 3]);
    expect(outcome("select ?2, ?1, ?2", [1, 2])).toEqual([2, 1, 2]);
    expect(outcome("select ?1, ?2", { 1: "a", 2: "b" })).toEqual(["a", "b"]);
    expect(outcome("select :a, @b, $c, :a", { a: 1, b: 2, c: 3, other: 4 })).toEqual([1, 2, 3, 1]);
    expect(outcome("select ?, :b, ?", 1, { b: 2 }, 3)).toEqual([1, 2, 3]);
    expect(outcome("select :a", Object.assign(Object.create(null) as object, { a: 1 }))).toEqual([1]);
    expect(outcome("select :a", { a: undefined })).toEqual([null]);
    expect(outcome("select 1", {})).toEqual([1]);
  });

  it("that are missing or too many are a RangeError", () => {
    for (const [sql, ...args] of [
      ["select ?"],
      ["select ?, ?", 1],
      ["select ?", 1, 2],
      ["select ?", [1, 2]],
      ["select 1", 1],
      ["select ?1, ?2", 1],
      ["select :a", 1],
      ["select :a"],
      ["select :a", {}],
      ["select :toString", {}],
      ["select ?, :b", 1],
      ["select ?, :b", { b: 1 }],
      ["select ?1", { 2: 1 }],
    ] as [string, ...unknown[]][]) {
      expect([sql, args, outcome(sql, ...args)]).toEqual([sql, args, "range"]);
    }
    expect(outcome("select :a, :b", { a: 1 }, { b: 2 })).toBe("type");
  });

  it("stay bound over a reset, and are replaced whole", () => {
    const statement = mode(db.prepare("select ?, ?"), "array");
    statement.bind([1, "x".repeat(5000)]);
    expect([statement.step(), statement.row(), statement.step()]).toEqual([true, [1, "x".repeat(5000)], false]);
    expect(statement.expandedSql).toBe(`select 1.0, '${"x".repeat(5000)}'`);
    statement.reset();
    statement.bind([3, 4]);
    expect([statement.step(), statement.row("array", true)]).toEqual([true, [3, 4]]);
    statement.bind([5, 6]);
    expect([statement.step(), statement.row()]).toEqual([true, [5, 6]]);
    statement.finalize();
  });
});

describe("rows", () => {
  it("have the shape that was asked for", () => {
    db.exec("delete from t; insert into t values (1, 'x', null); delete from u; insert into u values (7, 8)");
    const sql = "select t.a, t.b, u.x as a, 1 + 1 as two from t, u";
    const shapes = (["object", "array", "pluck", "expand"] as const).map((m) => mode(db.prepare(sql), m).get());
    expect(shapes).toEqual([{ a: 7, b: "x", two: 2 }, [1, "x", 7, 2], 1, { t: { a: 1, b: "x" }, u: { a: 7 }, $: { two: 2 } }]);
  });

  it("are safe from column names", () => {
    const row = db.prepare('select null as __proto__, 1 as toString, 2 as "1", 3 as ""').get() as Record<string, unknown>;
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Object.entries(row)).toEqual([
      ["1", 2],
      ["__proto__", null],
      ["toString", 1],
      ["", 3],
    ]);
    const expanded = mode(db.prepare("select x'01' as __proto__ from (select 1)"), "expand").get() as Record<string, object>;
    expect(Object.getPrototypeOf(expanded["$"])).toBe(Object.prototype);
  });

  it("follow the schema where a statement is compiled again", () => {
    db.exec("create table w(a); insert into w values (1)");
    const all = db.prepare("select * from w");
    expect(all.all()).toEqual([{ a: 1 }]);
    db.exec("alter table w add column b default 2");
    expect(all.all()).toEqual([{ a: 1, b: 2 }]);
    expect(all.columns.map(({ name }) => name)).toEqual(["a", "b"]);
    db.exec("drop table w");
    expect(thrown(() => all.all())).toMatchObject({ code: "SQLITE_ERROR" });
  });

  it("come one by one, and leave the statement when they are left", () => {
    const numbers = mode(
      db.prepare("with recursive n(i) as (select 1 union all select i + 1 from n where i < ?) select i from n"),
      "pluck",
    );
    expect([...numbers.iterate(4)]).toEqual([1, 2, 3, 4]);
    for (const n of numbers.iterate(1000)) {
      if (n === 2) break;
      expect(thrown(() => numbers.get(1))).toMatchObject({ code: "BAD_OPTION" });
      expect(thrown(() => numbers.iterate(1).next())).toMatchObject({ code: "BAD_OPTION" });
    }
    expect(numbers.get(1)).toBe(1);
    // Made, but not begun: what happens in between does not change it.
    const later = numbers.iterate(3);
    expect(numbers.all(2)).toEqual([1, 2]);
    expect([...later]).toEqual([1, 2, 3]);
  });
});

describe("a statement", () => {
  it("says what it is", () => {
    const facts = (sql: string): unknown[] => {
      const { reader, readonly, source } = db.prepare(sql);
      return [reader, readonly, source === sql];
    };
    expect(facts("select 1")).toEqual([true, true, true]);
    expect(facts("insert into u values (1, 2)")).toEqual([false, false, true]);
    expect(facts("insert into u values (1, 2) returning x")).toEqual([true, false, true]);
    expect(facts("begin")).toEqual([false, true, true]);
    expect(facts("pragma user_version")).toEqual([true, true, true]);
    expect(db.prepare("select a as n, 1 + 1, c from t").columns).toEqual([
      { name: "n", column: "a", table: "t", database: "main", type: "INTEGER" },
      { name: "1 + 1", column: null, table: null, database: null, type: null },
      { name: "c", column: "c", table: "t", database: "main", type: "BLOB" },
    ]);
  });

  it("counts changes and rowids as better-sqlite3 does", () => {
    db.exec("delete from u");
    expect(db.prepare("insert into u values (1, 2), (3, 4)").run()).toEqual({ changes: 2, lastInsertRowid: 2 });
    expect(db.prepare("create table if not exists u(x)").run()).toMatchObject({ changes: 0 });
    expect(db.prepare("select 1").run()).toMatchObject({ changes: 0 });
    expect(db.prepare("delete from u where x = 1 returning y").run()).toMatchObject({ changes: 1 });
    const big = db.prepare("insert into u(rowid, x) values (?, 1)");
    big.safeIntegers = true;
    expect(big.run(2n ** 62n)).toEqual({ changes: 1, lastInsertRowid: 2n ** 62n });
    expect(db.lastInsertRowid).toBe(2n ** 62n);
  });

  it("is one, and only one", () => {
    for (const sql of ["", "  ", "-- nothing", ";;", "/* a"]) expect(thrown(() => db.prepare(sql))).toBeInstanceOf(OptionRangeError);
    for (const sql of ["select 1; select 2", "select 1;;/* x */ select", "select 1; x"]) {
      expect(thrown(() => db.prepare(sql))).toBeInstanceOf(OptionRangeError);
    }
    for (const sql of ["select 1;", "select 1;;; -- done", "select 1 /* ** */; /* open", "select 1; --\n ;", "select 1;\ufeff"]) {
      expect(pluck(db, sql)).toBe(1);
    }
    expect(thrown(() => db.prepare("select 1\0; drop table t"))).toMatchObject({ code: "BAD_OPTION" });
    expect(thrown(() => db.exec("select 1;\0"))).toMatchObject({ code: "BAD_OPTION" });
    expect(thrown(() => db.prepare(1 as unknown as string))).toBeInstanceOf(OptionError);
    expect(thrown(() => db.prepare("selec"))).toMatchObject({ code: "SQLITE_ERROR", message: 'near "selec": syntax error' });
    expect(pluck(db, `select '${"long ".repeat(50_000)}' = 'x'; ${" ".repeat(100_000)}`)).toBe(0);
  });

  it("fails with the extended code, and can be used again", () => {
    db.exec("delete from t");
    const insert = db.prepare("insert into t(a, b) values (?, ?)");
    insert.run(1, "x");
    const codes = [
      thrown(() => insert.run(1, "y")),
      thrown(() => insert.run(2, null)),
      thrown(() => insert.run("not a number", "x")),
      thrown(() => db.exec("create table f(a references t); insert into f values (5)")),
    ].map((error) => (error as { code?: string }).code);
    expect(codes).toEqual(["SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_NOTNULL", "SQLITE_MISMATCH", "SQLITE_CONSTRAINT_FOREIGNKEY"]);
    expect(insert.run(3, "z")).toEqual({ changes: 1, lastInsertRowid: 3 });
  });

  it("is freed by hand, and then says so", () => {
    const statement = db.prepare("select 1");
    statement.finalize();
    statement.finalize();
    for (const use of [() => statement.get(), () => statement.step(), () => statement.columns, () => statement.row()]) {
      expect(thrown(use)).toMatchObject({ code: "CLOSED" });
    }
    statement.reset();
  });

  it("is freed when its connection closes, in the middle of its rows, too", () => {
    const { db: other } = openMemory(runtime);
    const statement = other.prepare("select 1 union all select 2");
    const rows = statement.iterate();
    rows.next();
    other.close();
    expect(thrown(() => rows.next())).toMatchObject({ code: "CLOSED" });
    statement.finalize();
  });
});
