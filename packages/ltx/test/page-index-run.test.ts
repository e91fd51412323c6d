import { lockPgno } from "@headwater/core";
import { testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { findPageIndexRun, INDEX_ENTRY_BYTES_MAX, type PageIndex } from "../src/index.js";
import { encodePageIndex } from "../src/page-index.js";
import { ROUNDS, random, range } from "./support.js";

const seed = testSeed("page-index-run");

/** The index of a snapshot, and where each of its entries begins. */
function snapshotIndex(r: ReturnType<typeof random>, first: number, count: number, start: number, lock: number) {
  const pgnos = Uint32Array.from(
    range(first, first + count)
      .filter((pgno) => pgno !== lock)
      .slice(0, count),
  );
  const offsets = new Float64Array(count);
  const sizes = new Uint32Array(count);
  const begins: number[] = [];
  let [offset, at] = [start, 0];
  for (let i = 0; i < count; i += 1) {
    offsets[i] = offset;
    sizes[i] = r.pick([11, 60, 127, 128, 4000, 16_383, 16_384, 131_072]);
    offset += sizes[i] ?? 0;
  }
  const index: PageIndex = { count, pgnos, offsets, sizes };
  const bytes = encodePageIndex(index).subarray(0, -9);
  for (let i = 0; i < count; i += 1) {
    begins.push(at);
    at +=
      encodePageIndex({ count: 1, pgnos: pgnos.slice(i, i + 1), offsets: offsets.slice(i, i + 1), sizes: sizes.slice(i, i + 1) }).length -
      9;
  }
  begins.push(at);
  return { index, bytes, begins, endOffset: offset };
}

describe("findPageIndexRun", () => {
  it("recognises where entries begin and end in any piece of a snapshot's index, the lock page in it or not", () => {
    for (let round = 0; round < 40 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const lock = lockPgno(r.pick([4096, 65_536]));
      const first = r.pick([1, 100, lock - 5, lock + 1, 2 ** 28 - 3]);
      const { index, bytes, begins, endOffset } = snapshotIndex(r, first, 60, r.pick([100, 2 ** 28 - 500, 2 ** 35 - 500, 2 ** 45]), lock);
      for (let n = 0; n < 30; n += 1) {
        const from = r.below(bytes.length - 4 * INDEX_ENTRY_BYTES_MAX);
        const to = r.chance(0.2)
          ? bytes.length
          : from + 3 * INDEX_ENTRY_BYTES_MAX + r.below(bytes.length - from - 3 * INDEX_ENTRY_BYTES_MAX + 1);
        const run = findPageIndexRun(bytes.subarray(from, to), lock);
        const entry = begins.findIndex((at) => at >= from);
        const behind = begins.findLastIndex((at) => at <= to);
        expect(run, `seed=${seed} round=${round} from=${from} to=${to}`).toEqual({
          start: (begins[entry] ?? 0) - from,
          end: (begins[behind] ?? 0) - from,
          firstPgno: index.pgnos[entry],
          firstOffset: index.offsets[entry],
          sizes: index.sizes.slice(entry, behind),
          endOffset: behind < index.count ? index.offsets[behind] : endOffset,
        });
        const known = { pgno: index.pgnos[entry] ?? 0, offset: index.offsets[entry] ?? 0 };
        const same = findPageIndexRun(bytes.subarray(begins[entry], to), lock, known);
        expect([same?.start, same?.firstPgno, same?.sizes]).toEqual([0, run?.firstPgno, run?.sizes]);
        expect(findPageIndexRun(bytes.subarray(begins[entry], to), lock, { ...known, offset: known.offset + 1 })).toBeUndefined();
      }
    }
  });

  it("finds nothing in other bytes, whatever they are", () => {
    const r = random(seed);
    for (let round = 0; round < 200 * ROUNDS; round += 1) expect(findPageIndexRun(r.bytes(200 + r.below(500)), 262_145)).toBeUndefined();
    for (const fill of [0, 1, 0x7f, 0x80, 0xff]) expect(findPageIndexRun(new Uint8Array(500).fill(fill), 262_145)).toBeUndefined();
    expect(findPageIndexRun(new Uint8Array(0), 262_145)).toBeUndefined();
  });

  it("finds nothing where one entry in the piece does not follow on from the one before", () => {
    const r = random(seed);
    const { index, begins } = snapshotIndex(r, 1, 60, 100, 262_145);
    const wrong: Partial<PageIndex>[] = [
      { pgnos: index.pgnos.map((pgno, i) => (i >= 30 ? pgno + 1 : pgno)) },
      { offsets: index.offsets.map((offset, i) => (i >= 30 ? offset + 1 : offset)) },
      { sizes: index.sizes.map((size, i) => (i === 30 ? size + 1 : size)) },
      { sizes: index.sizes.map((size, i) => (i === 30 ? 131_073 : size)) },
    ];
    for (const change of wrong) {
      const bytes = encodePageIndex({ ...index, ...change }).subarray(0, -9);
      expect(findPageIndexRun(bytes, 262_145)).toBeUndefined();
      expect(findPageIndexRun(bytes, 262_145, { pgno: 1, offset: 100 })).toBeUndefined();
      expect(findPageIndexRun(bytes.subarray(0, begins[30]), 262_145)?.sizes.length).toBe(30);
    }
  });
});
