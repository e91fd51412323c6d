import { listReplica, openView, planRestore, type View } from "@headwater/replica";
import { beforeAll, describe, expect, it } from "vitest";
import { rangeAround, rangesOf } from "../src/ranges.js";
import { put, range } from "./support/replica.js";
import { PAGE_SIZE, World } from "./support/world.js";

/** 400 pages; 8 and 15 are in a second file, 21 to 24 in a third. A frame takes a little more than a page of 512 bytes. */
let view: View;
const MANY = 1e6;

beforeAll(async () => {
  const world = new World();
  await put(world, { min: 1, commit: 400 });
  await put(world, { min: 2, commit: 400, pages: [8, 15] });
  await put(world, { min: 3, commit: 400, pages: range(21, 24) });
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  view = (await openView(world.store, world.layout, plan)).view;
});

const sorted = (pages: readonly number[]): number[] => [...pages].sort((a, b) => a - b);
const around = (pgno: number, candidates: readonly number[], bytesMax = MANY): number[] =>
  sorted(rangeAround(view, pgno, candidates, bytesMax));

describe("rangeAround", () => {
  it("takes the candidates in the page's file, over those that lie elsewhere", () => {
    expect(around(4, range(1, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 9, 10]);
    expect(around(8, range(1, 20))).toEqual([8, 15]);
    expect(around(22, range(1, 30))).toEqual(range(21, 24));
    expect(rangeAround(view, 4, range(1, 10), MANY)[0]).toBe(4);
  });

  it("takes nothing behind a gap of more than 64 KB", () => {
    expect(around(30, [40, 60, 150, 151])).toEqual([30, 40, 60, 150, 151]);
    expect(around(30, [170, 171])).toEqual([30]);
    expect(around(390, [260, 389])).toEqual([389, 390]);
  });

  it("stops at the limit of bytes, on both sides, and never leaves the page itself out", () => {
    const frame = view.lookup(4)?.size ?? 0;
    expect(frame).toBeGreaterThan(PAGE_SIZE / 2);
    expect(around(4, range(1, 7), 1)).toEqual([4]);
    expect(around(4, range(1, 7), 2.5 * frame)).toEqual([4, 5]);
    expect(around(7, range(1, 7), 2.5 * frame)).toEqual([6, 7]);
  });

  it("asks for a page that no file holds alone", () => {
    expect(around(401, range(395, 405))).toEqual([401]);
  });
});

describe("rangesOf", () => {
  it("puts what lies together into one range, the first that was asked for in front", () => {
    expect(rangesOf(view, [330, 331, 30, 31, 8], MANY).map(sorted)).toEqual([[330, 331], [30, 31], [8]]);
    expect(rangesOf(view, [31, 331, 30, 330], MANY).map(sorted)).toEqual([
      [30, 31],
      [330, 331],
    ]);
  });

  it("costs one range a file, however the pages are spread over files", () => {
    expect(rangesOf(view, range(1, 100), MANY)).toHaveLength(3);
    expect(sorted(rangesOf(view, range(1, 100), MANY).flat())).toEqual(range(1, 100));
  });

  it("cuts ranges at the limit, and leaves out what no file holds", () => {
    const ranges = rangesOf(view, [...range(30, 89), 401], 10_000);
    expect(sorted(ranges.flat())).toEqual(range(30, 89));
    for (const pages of ranges) expect(pages.reduce((sum, pgno) => sum + (view.lookup(pgno)?.size ?? 0), 0)).toBeLessThanOrEqual(10_000);
  });
});
