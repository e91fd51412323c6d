import { listReplica, openView, planRestore, type View } from "@headwater/replica";
import { beforeAll, describe, expect, it } from "vitest";
import { freeNeighbours, wholeSpan } from "../src/neighbourhood.js";
import { put, range } from "./support/replica.js";
import { PAGE_SIZE, World } from "./support/world.js";

/** Twenty pages; 8 and 15 are in a second file, and 21 to 24 in a third. */
let view: View;
const MANY = 1e6;

beforeAll(async () => {
  const world = new World();
  await put(world, { min: 1, commit: 20 });
  await put(world, { min: 2, commit: 20, pages: [8, 15] });
  await put(world, { min: 3, commit: 24, pages: range(21, 24) });
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  view = (await openView(world.store, world.layout, plan)).view;
});

const neighbours = (pgno: number, first: number, last: number, bytes = MANY): number[] =>
  freeNeighbours(view, pgno, { first, last }, bytes).sort((a, b) => a - b);

describe("freeNeighbours", () => {
  it("takes what lies next to the page in its file, within the span", () => {
    expect(neighbours(4, 1, 7)).toEqual(range(1, 7));
    expect(neighbours(4, 3, 5)).toEqual([3, 4, 5]);
    expect(neighbours(4, 4, 4)).toEqual([4]);
    expect(freeNeighbours(view, 4, { first: 1, last: 7 }, MANY)[0]).toBe(4);
  });

  it("stops where a newer file has the page, whose old frame would have to be skipped", () => {
    expect(neighbours(10, 1, 20)).toEqual(range(9, 14));
    expect(neighbours(7, 1, 20)).toEqual(range(1, 7));
    expect(neighbours(16, 1, 20)).toEqual(range(16, 20));
  });

  it("takes what lies side by side, however far apart the pages are, only page by page", () => {
    // 8 and 15 lie next to each other in the second file, but what is between them is elsewhere.
    expect(neighbours(8, 1, 20)).toEqual([8]);
    expect(neighbours(22, 1, 24)).toEqual(range(21, 24));
  });

  it("stops at the limit of bytes, and never leaves the page itself out", () => {
    const frame = view.lookup(4)?.size ?? 0;
    expect(frame).toBeGreaterThan(PAGE_SIZE / 2);
    expect(neighbours(4, 1, 7, 1)).toEqual([4]);
    expect(neighbours(4, 1, 7, 2.5 * frame)).toEqual([4, 5]);
    expect(neighbours(7, 1, 7, 2.5 * frame)).toEqual([6, 7]);
    for (let bytes = frame; bytes < 8 * frame; bytes += 100) {
      const pages = neighbours(4, 1, 7, bytes);
      expect(pages.reduce((sum, pgno) => sum + (view.lookup(pgno)?.size ?? 0), 0)).toBeLessThanOrEqual(bytes);
    }
  });

  it("asks for a page that no file holds alone", () => {
    expect(neighbours(25, 20, 30)).toEqual([25]);
  });
});

describe("wholeSpan", () => {
  it("is all pages, the wanted one first", () => {
    expect(wholeSpan(3, { first: 2, last: 5 })).toEqual([3, 2, 4, 5]);
    expect(wholeSpan(2, { first: 2, last: 2 })).toEqual([2]);
  });
});

describe("a page index that is read in parts", () => {
  it("has neighbours as far as it is at hand", async () => {
    const world = new World();
    await put(world, { min: 1, commit: 3000 });
    const plan = planRestore((await listReplica(world.store, world.layout)).files);
    if (plan === undefined) throw new Error("the replica is empty");
    const opened = await openView(world.store, world.layout, plan, { tailBytes: 100, headBytes: 100, indexBytesMax: 1 });
    const parts = opened.view;
    expect(parts.knows(1500)).toBe(false);
    for (let loading = parts.load([1500]); loading !== undefined; loading = parts.load([1500])) await loading;
    expect(freeNeighbours(parts, 1500, { first: 1490, last: 1510 }, MANY).sort((a, b) => a - b)).toEqual(range(1490, 1510));
  });
});
