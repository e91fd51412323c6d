import { lockPgno } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { type OpenedView, openView, PageReader } from "../src/index.js";
import { LargeSnapshot } from "./large-snapshot.js";
import { id, opened, range, TestReplica } from "./support.js";

const seed = testSeed("open-large");
const PAGES = 25_000_000;
const KB = 1024;
const MB = 1024 * KB;
const snapshot = new LargeSnapshot(PAGES, seed);
const replica = new TestReplica();

async function open(): Promise<OpenedView> {
  snapshot.reads.length = 0;
  return openView(replica.store, replica.layout, { files: [snapshot.file], txid: id(1) }, { reader: snapshot });
}

/** Requests and bytes since the last call, those for the page index apart. */
function spent(): { readonly index: number; readonly pages: number; readonly bytes: number } {
  const indexStart = snapshot.file.size - 24 - snapshot.indexBytes;
  const reads = snapshot.reads.splice(0);
  const index = reads.filter(({ start }) => start >= indexStart).length;
  return { index, pages: reads.length - index, bytes: reads.reduce((sum, { start, end }) => sum + end - start, 0) };
}

describe("a snapshot of 100 GB, 25 million pages", () => {
  it("has an index that nobody wants to read whole", () => {
    expect(snapshot.indexBytes).toBeGreaterThan(200 * MB);
    expect(snapshot.file.size).toBeGreaterThan(8 * KB * MB);
  });

  it("opens with two requests at once, 600 KB in all, and next to no memory, its first pages at hand", async () => {
    const { view, pages } = await open();
    expect(spent()).toEqual({ index: 1, pages: 1, bytes: 576 * KB });
    expect([view.commit, view.txid, view.partlyIndexed]).toEqual([PAGES, 1n, snapshot.file]);
    expect(view.indexBytes).toBeLessThan(200 * KB);
    expect(pages.get(1)).toEqual(snapshot.page(1));
    expect(pages.size).toBeGreaterThan(15);
    expect(view.load([1, 10, PAGES, PAGES - 1000])).toBeUndefined();
  });

  it("reads any page with at most two requests for the index, and its neighbours with none", async () => {
    const random = new SeededRandom(seed);
    for (let n = 0; n < 15; n += 1) {
      const { view } = await open();
      spent();
      const reader = new PageReader({ reader: snapshot });
      const pgno = 1 + random.below(PAGES - 10);
      const near = range(pgno, pgno + 9).filter((p) => p !== lockPgno(4096));
      const read = await reader.readPages(view, near);
      for (const p of near) expect(read.get(p)).toEqual(snapshot.page(p));
      const { index, bytes } = spent();
      expect(index).toBeLessThanOrEqual(2);
      expect(bytes).toBeLessThan(3 * MB);
      expect(range(pgno - 8000, pgno + 8000).filter((p) => p >= 1 && p <= PAGES && view.knows(p)).length).toBeGreaterThan(4000);
    }
  });

  it("gets surer with every part, and keeps within its memory", async () => {
    const random = new SeededRandom(seed + 1);
    const { view } = await open();
    spent();
    const reader = new PageReader({ reader: snapshot });
    const counts: number[] = [];
    for (let n = 0; n < 150; n += 1) {
      const pgno = 1 + random.below(PAGES);
      if (pgno === lockPgno(4096)) continue;
      expect((await reader.readPages(view, [pgno])).get(pgno)).toEqual(snapshot.page(pgno));
      counts.push(spent().index);
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    const late = counts.slice(100);
    expect(late.reduce((sum, n) => sum + n, 0) / late.length).toBeLessThan(1.3);
    expect(view.indexBytes).toBeLessThan(13 * MB);
  });

  it("is extended by later files as any other: their pages win, and what a smaller commit cut off stays away", async () => {
    const { view: base } = await open();
    const changed = base.extend(opened({ min: 2, commit: PAGES, pages: [7, 20_000_000], pageSize: 4096 }));
    const shrunk = changed.extend(opened({ min: 3, commit: 1000, pages: [8], pageSize: 4096 }));
    const grown = shrunk.extend(opened({ min: 4, commit: PAGES, pages: [24_000_000], pageSize: 4096 }));
    expect([7, 20_000_000].map((p) => changed.lookup(p)?.file.maxTXID)).toEqual([2n, 2n]);
    expect(changed.knows(20_000_001)).toBe(false);
    expect(() => changed.lookup(20_000_001)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    // Nothing has to be loaded to know that nothing is there.
    expect(grown.load([1001, 20_000_000, 20_000_001, 24_000_000, PAGES + 5, lockPgno(4096)])).toBeUndefined();
    expect([1001, 20_000_000, 20_000_001, PAGES + 5, lockPgno(4096)].map((p) => grown.lookup(p))).toEqual(Array(5).fill(undefined));
    expect(grown.lookup(24_000_000)?.file.maxTXID).toBe(4n);
    expect(grown.files.map((f) => f.maxTXID)).toEqual([1n, 4n].concat(2n, 3n).sort());
    expect(grown.changedSince(shrunk)).toBe("all");
    expect(changed.changedSince(base)).toEqual(Uint32Array.from([7, 20_000_000]));
    const fresh = grown.extend(opened({ min: 1, max: 9, commit: 3, pages: [1, 2, 3], pageSize: 4096 }));
    expect([fresh.partlyIndexed, fresh.files.length]).toEqual([undefined, 1]);
    expect(() => base.framesOf(snapshot.file)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
