import { OptionError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { neighbourhood, ReadAhead } from "../src/index.js";
import { appendedTree, interiorPage, pagesOf, replay, upTo } from "./support/trees.js";

const seed = testSeed("read-ahead");
/** 64 MB in pages of 4 KiB. */
const table = appendedTree(16_000, 400);
const pages = pagesOf(table.interiors);

/** The reads of a full scan: SQLite goes down to the first leaf, and keeps the interior pages that it came by. */
function scanOf({ interiors, leaves }: typeof table): number[] {
  const parentOf = new Map([...interiors].flatMap(([pgno, children]) => children.map((child) => [child, pgno] as const)));
  let parent: number | undefined;
  return [
    2,
    ...leaves.flatMap((leaf) => {
      const changed = parentOf.get(leaf) !== parent;
      parent = parentOf.get(leaf);
      return changed && parent !== undefined ? [parent, leaf] : [leaf];
    }),
  ];
}

function knowing(interiors: ReadonlyMap<number, readonly number[]>): ReadAhead {
  const readAhead = new ReadAhead();
  for (const [pgno, children] of interiors) readAhead.learn(pgno, interiorPage(children));
  return readAhead;
}

describe("ReadAhead", () => {
  it("scans a table of 64 MB with a few waits, 40 requests, and nothing in vain", () => {
    const cost = replay(scanOf(table), table.commit, pages);
    expect(cost.waits).toBeLessThanOrEqual(6);
    expect(cost.requests).toBeLessThanOrEqual(45);
    // Page 1.
    expect(cost.unread).toBeLessThanOrEqual(1);
  });

  it("scans it backwards just so", () => {
    const cost = replay(scanOf({ ...table, leaves: [...table.leaves].reverse() }), table.commit, pages);
    expect(cost.waits).toBeLessThanOrEqual(50);
    expect(cost.requests).toBeLessThanOrEqual(90);
    expect(cost.unread).toBeLessThanOrEqual(100);
  });

  it("follows siblings wherever they lie", () => {
    const random = new SeededRandom(seed);
    const scattered = upTo(100, 599).sort(() => (random.chance(0.5) ? 1 : -1));
    const readAhead = knowing(new Map([[2, scattered]]));
    for (const leaf of scattered.slice(0, 10)) readAhead.access(leaf);
    expect(readAhead.expect(scattered[9] ?? 0, 1000).pages).toEqual(scattered.slice(10, 30));
  });

  it("asks for the interior pages behind the last one that it knows where the leaves lie scattered", () => {
    const readAhead = knowing(
      new Map([
        [2, [3, 40, 41, 42]],
        [3, [90, 50, 70, 60]],
      ]),
    );
    for (const leaf of [90, 50, 70]) readAhead.access(leaf);
    expect(readAhead.expect(70, 1000).pages).toEqual([60, 40, 41, 42]);
  });

  it("costs random point reads their pages and neighbours, and no read-ahead", () => {
    const random = new SeededRandom(seed);
    const reads = Array.from({ length: 500 }, () => table.leaves[random.below(16_000)] ?? 0);
    const parents = [...table.interiors.keys()];
    const cost = replay([...parents, ...reads], table.commit, pages, { neighbours: 1 });
    // Two neighbouring leaves one after the other come by chance, and bring four more.
    expect(cost.pages).toBeLessThanOrEqual(parents.length + 500 + 80);
  });

  it("never takes a descent for a scan, though its pages may be neighbours", () => {
    const readAhead = knowing(
      new Map([
        [2, [3, 4]],
        [3, [4, 5, 6]],
      ]),
    );
    for (const pgno of [2, 3, 4]) readAhead.access(pgno);
    expect(readAhead.expect(4, 100).pages).toEqual([]);
    readAhead.access(9);
    expect(readAhead.expect(9, 100).pages).toEqual([]);
  });

  it("never takes a scan's steps from one interior page to the next for a scan of interior pages", () => {
    const readAhead = knowing(
      new Map([
        [2, [3, 4, 5, 6]],
        [3, [10]],
        [4, [11]],
        [5, [12]],
      ]),
    );
    for (const pgno of [3, 4, 5]) readAhead.access(pgno);
    expect(readAhead.expect(5, 100).pages).toEqual([]);
  });

  it("goes on with a scan that others interrupt: the steps of a join, and point reads in the same table", () => {
    const random = new SeededRandom(seed);
    const other = appendedTree(16_000, 400, 20_000);
    const known = (pgno: number): Uint8Array | undefined => pages(pgno) ?? pagesOf(other.interiors)(pgno);
    const tops = [...table.interiors.keys(), ...other.interiors.keys()];
    const trace = upTo(0, 3999).flatMap((n) => {
      const joined = [table.leaves[n] ?? 0, other.leaves[15_999 - n] ?? 0];
      return n % 16 === 0 ? [...joined, table.leaves[random.below(16_000)] ?? 0] : joined;
    });
    const cost = replay([...tops, ...trace], other.commit, known);
    expect(cost.waits).toBeLessThanOrEqual(tops.length + 250 + 40);
    expect(cost.unread).toBeLessThanOrEqual(250 * 64 + 4096);
  });

  it("steps over leaves that SQLite had in its own cache once the scan is sure", () => {
    const random = new SeededRandom(seed);
    const trace = scanOf(table).filter((_, i) => i < 100 || random.chance(0.7));
    expect(replay(trace, table.commit, pages).waits).toBeLessThanOrEqual(6);
  });

  it("shares its window among the scans that go on", () => {
    const readAhead = new ReadAhead({ windowMaxPages: 1000 });
    for (let n = 0; n < 800; n += 1) for (const start of [10_000, 20_000]) readAhead.access(start + n);
    expect(readAhead.expect(10_799, 100_000).pages).toHaveLength(500);
    for (let n = 800; n < 2000; n += 1) readAhead.access(10_000 + n);
    expect(readAhead.expect(11_999, 100_000).pages).toHaveLength(1000);
  });

  it("follows pages of no known tree by their numbers: the overflow pages of a large value", () => {
    const cost = replay(upTo(5000, 9999), 20_000, () => undefined);
    expect(cost.waits).toBeLessThanOrEqual(3);
    expect(cost.requests).toBeLessThanOrEqual(20);
    // The neighbours before the first page, and at most as much again as a window.
    expect(cost.unread).toBeLessThanOrEqual(64 + 2048);
  });

  it("follows a limited number of such streams", () => {
    const readAhead = new ReadAhead({ streamsMax: 4 });
    for (let n = 0; n < 10; n += 1) for (let s = 1; s <= 5; s += 1) readAhead.access(s * 10_000 + n);
    expect(readAhead.expect(50_009, 100_000).pages).toEqual([]);
  });

  it("expects nothing beyond the database's ends", () => {
    const readAhead = new ReadAhead();
    for (const pgno of [3, 2]) readAhead.access(pgno);
    expect(readAhead.expect(2, 100).pages).toEqual([1]);
    for (const pgno of [98, 99]) readAhead.access(pgno);
    expect(readAhead.expect(99, 100).pages).toEqual([100]);
  });

  it("forgets all on reset", () => {
    const readAhead = knowing(new Map([[2, [5, 9, 7]]]));
    for (const pgno of [5, 9]) readAhead.access(pgno);
    expect(readAhead.expect(9, 100).pages).toEqual([7]);
    readAhead.reset();
    expect(readAhead.expect(9, 100).pages).toEqual([]);
  });

  it("cuts neighbourhoods at the end of the database, also when the page lies behind it", () => {
    expect(neighbourhood(6, 4, 6)).toEqual({ first: 5, last: 6 });
    expect(neighbourhood(9, 4, 6)).toEqual({ first: 9, last: 9 });
    expect(neighbourhood(1, 4, 1)).toEqual({ first: 1, last: 1 });
  });

  it.each([{ windowMaxPages: 1.5 }, { streamsMax: Number.NaN }])("refuses %j", (options) => {
    expect(() => new ReadAhead(options)).toThrow(OptionError);
  });
});
