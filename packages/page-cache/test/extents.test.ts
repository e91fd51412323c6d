import { SeededRandom, testSeed } from "@headwater/core/testing";
import { expect, it } from "vitest";
import { type Extent, Extents } from "../src/disk/extents.js";

const extent = (start: number, end: number): Extent => ({
  start,
  end,
  segment: "s",
  dataOffset: 0,
  checksums: new BigUint64Array(1),
  visited: false,
});
const overlap = (a: Extent, b: Extent): boolean => a.start < b.end && b.start < a.end;

it("of many ranges keeps none that overlap, and of two for one byte the one that comes first in the list", () => {
  const random = new SeededRandom(testSeed("extents"));
  for (let round = 0; round < 500; round += 1) {
    const list = Array.from({ length: random.below(30) }, () => {
      const start = random.below(300);
      return extent(start, start + 1 + random.below(20));
    });
    const kept = [...Extents.of(list)];
    for (const [i, one] of kept.entries()) {
      expect(list).toContain(one);
      const next = kept[i + 1];
      if (next !== undefined) expect(one.end).toBeLessThanOrEqual(next.start);
    }
    for (const [rank, one] of list.entries()) {
      const rivals = list.filter((other) => other !== one && overlap(other, one));
      const isFirst = rivals.every((other) => list.indexOf(other) > rank);
      if (isFirst) expect(kept).toContain(one);
    }
    // And it answers as one that they were added to, where that is the same.
    const grown = new Extents();
    for (const { start, end } of kept)
      grown.add({ file: "f", start, length: end - start, dataOffset: 0, checksums: new BigUint64Array(1) }, "s");
    const loaded = Extents.of(list);
    for (let at = 0; at < 320; at += 7) {
      expect(loaded.missing(at, at + 15)).toEqual(grown.missing(at, at + 15));
      expect(loaded.covering(at, at + 5)?.length).toBe(grown.covering(at, at + 5)?.length);
    }
  }
});
