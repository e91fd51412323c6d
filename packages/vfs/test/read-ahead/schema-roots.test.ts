import { childrenOf, schemaRoots } from "@headwater/page-cache";
import { describe, expect, it } from "vitest";
import { openPlain } from "../../src/testing/plain.js";

describe("schemaRoots, on pages that SQLite wrote", () => {
  it("reads the roots of tables and indexes, and of nothing else, out of SQLite's own page 1", async () => {
    const plain = await openPlain();
    plain.run(`
      create table a (x integer primary key, t text); create view v as select 1; create index a_t on a (t);
      create trigger r after insert on a begin select 1; end; create table b (x text primary key) without rowid`);
    const roots = plain.rows("select rootpage from sqlite_schema where rootpage > 0").map(([root]) => root);
    expect(roots).toHaveLength(3);
    expect(schemaRoots(1, plain.bytes().subarray(0, Number(plain.rows("pragma page_size")[0]?.[0])))).toEqual(roots);
    plain.close();
  });

  it("says nothing where the schema is longer than page 1, and reads its leaves", async () => {
    const plain = await openPlain();
    const tables = Array.from({ length: 60 }, (_, i) => `create table table_with_a_long_name_${i} (a, b, c, d, e, f)`);
    plain.run(`pragma page_size = 512; ${tables.join(";")}`);
    const bytes = plain.bytes();
    const page = (pgno: number): Uint8Array => bytes.subarray((pgno - 1) * 512, pgno * 512);
    expect(schemaRoots(1, page(1))).toEqual([]);
    const roots = plain.rows("select rootpage from sqlite_schema order by rowid").map(([root]) => root);
    const pagesBelow = (pgno: number): number[] =>
      [...(childrenOf(pgno, page(pgno)) ?? [])].flatMap((child) => [child, ...pagesBelow(child)]);
    expect(pagesBelow(1).flatMap((pgno) => schemaRoots(pgno, page(pgno)))).toEqual(roots);
    plain.close();
  });
});
