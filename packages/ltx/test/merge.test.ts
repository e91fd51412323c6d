import { lockPgno, type TXID } from "@headwater/core";
import { type SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  type EncodedLtx,
  LtxCorruptError,
  LtxMerge,
  type MergeOptions,
  mergeLtx,
  type Page,
  pageChecksum,
  verifyLtx,
} from "../src/index.js";
import { assemble, concat } from "./assemble.js";
import { anyPage, encode, pg, ROUNDS, random, range, sameBytes, tx } from "./support.js";

const seed = testSeed("merge");
const FLAG = 1n << 63n;
const SIZE = 512;

/** A database as the naive model has it: its pages, absent ones being zeros. */
class Model {
  commit = 0;
  readonly pages = new Map<number, Uint8Array>();

  page(n: number): Uint8Array {
    return this.pages.get(n) ?? new Uint8Array(SIZE);
  }

  apply(commit: number, pages: Iterable<Page>): this {
    for (const { pgno, data } of pages) this.pages.set(pgno, data);
    for (const n of this.pages.keys()) if (n > commit) this.pages.delete(n);
    this.commit = commit;
    return this;
  }

  checksum(): bigint {
    return range(1, this.commit).reduce((sum, n) => FLAG | (sum ^ pageChecksum(pg(n), this.page(n))), FLAG);
  }

  equals(other: Model): boolean {
    return this.commit === other.commit && range(1, this.commit).every((n) => sameBytes(this.page(n), other.page(n)));
  }

  copy(): Model {
    return new Model().apply(
      this.commit,
      [...this.pages].map(([n, data]) => ({ pgno: pg(n), data })),
    );
  }
}

interface History {
  readonly files: Uint8Array[];
  /** States before the first file and after each. */
  readonly states: Model[];
}

/** Files of one TXID each or of several, that grow and shrink a database, with and without holes, tracked or not. */
function history(r: SeededRandom, count: number, first: number, holes: boolean): History {
  const model = new Model();
  const states: Model[] = [];
  if (first > 1) model.apply(1 + r.below(10), []);
  if (first > 1) for (const n of range(1, model.commit)) if (r.chance(0.9)) model.pages.set(n, anyPage(r, SIZE));
  states.push(model.copy());
  const files: Uint8Array[] = [];
  for (let i = 0, txid = first; i < count; i += 1) {
    const before = model.copy();
    const commit = r.chance(0.1) && txid > 1 ? 0 : 1 + r.below(12);
    const must = (n: number): boolean => txid === 1 || (!holes && n > before.commit);
    const pages = range(1, commit)
      .filter((n) => must(n) || r.chance(0.3))
      .map((n) => ({ pgno: pg(n), data: anyPage(r, SIZE) }));
    model.apply(commit, pages);
    const max = txid + r.below(3);
    const noChecksum = r.chance(0.5);
    const pre = noChecksum || txid === 1 ? 0n : before.checksum();
    const file = encode(
      { commit, minTXID: tx(txid), maxTXID: tx(max), noChecksum, preApplyChecksum: pre, timestampMs: 1000 + i, nodeID: 7n },
      pages,
      noChecksum ? 0n : model.checksum(),
    );
    files.push(file.bytes);
    states.push(model.copy());
    txid = max + 1;
  }
  return { files, states };
}

function applied(state: Model, merged: EncodedLtx): Model {
  return state.copy().apply(merged.header.commit, decodeLtx(merged.bytes).pages());
}

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof LtxCorruptError) return error.problem;
    throw error;
  }
  return "none";
}

describe("a merged file", () => {
  it.each([
    [1, false],
    [1, true],
    [5, false],
    [5, true],
  ] as const)("has the effect of its inputs, first TXID %i, holes %s", (first, holes) => {
    for (let round = 0; round < 80 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const count = 1 + r.below(6);
      const { files, states } = history(r, count, first, holes);
      const [before, after] = [states[0] as Model, states[count] as Model];
      const merged = mergeLtx(files, { previousCommit: before.commit });
      if (!applied(before, merged).equals(after)) throw new Error(`round ${round} differs`);
      expect(verifyLtx(merged.bytes).ok).toBe(true);
      expect(sameBytes(mergeLtx(files).bytes, merged.bytes) || first > 1).toBe(true);
      if (!applied(before, mergeLtx(files)).equals(after)) throw new Error(`round ${round} differs without previousCommit`);

      // No holes: everything above the smallest size since before the first file.
      const smallest = Math.min(...states.map((s) => s.commit));
      const held = new Set(merged.index.pgnos);
      expect(range(smallest + 1, after.commit).every((n) => held.has(n))).toBe(true);

      // Merging in two stages is the same as at once.
      const cut = 1 + r.below(count);
      const head = mergeLtx(files.slice(0, cut), { previousCommit: before.commit });
      const both = cut === count ? head : mergeLtx([head.bytes, ...files.slice(cut)], { previousCommit: before.commit });
      if (!applied(before, both).equals(after)) throw new Error(`round ${round} differs in two stages`);
    }
  });

  it("carries the header that the range and the last file give", () => {
    const { files } = history(random(3), 4, 5, false);
    const heads = files.map((bytes) => decodeLtx(bytes).header);
    const merged = mergeLtx(files);
    expect(merged.header).toMatchObject({
      minTXID: 5n,
      maxTXID: heads[3]?.maxTXID,
      commit: heads[3]?.commit,
      timestampMs: 1003,
      nodeID: 0n,
    });
    expect(mergeLtx(files, { timestampMs: 9, nodeID: 4n }).header).toMatchObject({ timestampMs: 9, nodeID: 4n });
  });
});

describe("pages that were cut off and grew again", () => {
  const full = (n: number, fill: number): Page => ({ pgno: pg(n), data: new Uint8Array(SIZE).fill(fill) });
  const all = (fill: number, to: number): Page[] => range(1, to).map((n) => full(n, fill));
  const read = (merged: EncodedLtx): number[] => [...decodeLtx(merged.bytes).pages()].map(({ data }) => data[0] ?? -1);

  it("are zeros where no later file holds them", () => {
    const a = encode({ commit: 10, minTXID: tx(1), maxTXID: tx(1) }, all(1, 10)).bytes;
    const b = encode({ commit: 5, minTXID: tx(2), maxTXID: tx(2) }, [full(1, 2)]).bytes;
    const c = encode({ commit: 10, minTXID: tx(3), maxTXID: tx(3) }, [full(1, 3), full(8, 3)]).bytes;
    expect(read(mergeLtx([a, b, c]))).toEqual([3, 1, 1, 1, 1, 0, 0, 3, 0, 0]);
    expect(read(mergeLtx([mergeLtx([a, b]).bytes, c]))).toEqual([3, 1, 1, 1, 1, 0, 0, 3, 0, 0]);
    expect(read(mergeLtx([a, mergeLtx([b, c]).bytes]))).toEqual([3, 1, 1, 1, 1, 0, 0, 3, 0, 0]);
  });

  it("are not taken from a file whose successor is smaller", () => {
    const a = encode({ commit: 8, minTXID: tx(2), maxTXID: tx(2) }, [full(7, 1)]).bytes;
    const b = encode({ commit: 3, minTXID: tx(3), maxTXID: tx(3) }, [full(1, 2)]).bytes;
    expect([...mergeLtx([a, b]).index.pgnos]).toEqual([1]);
  });

  it("are filled above the previous commit only when it is known", () => {
    const a = encode({ commit: 8, minTXID: tx(2), maxTXID: tx(2) }, [full(7, 1)]).bytes;
    expect([...mergeLtx([a]).index.pgnos]).toEqual([7]);
    expect([...mergeLtx([a], { previousCommit: 5 }).index.pgnos]).toEqual([6, 7, 8]);
    expect([...mergeLtx([a], { previousCommit: 9 }).index.pgnos]).toEqual([7]);
  });

  it("are filled across the lock page without storing it", () => {
    const lock = lockPgno(65_536);
    const data = new Uint8Array(65_536);
    const a = encode({ pageSize: 65_536, commit: lock - 3, minTXID: tx(2), maxTXID: tx(2) }, [{ pgno: pg(1), data }]).bytes;
    const b = encode({ pageSize: 65_536, commit: lock + 2, minTXID: tx(3), maxTXID: tx(3) }, [{ pgno: pg(lock + 1), data }]).bytes;
    expect([...mergeLtx([a, b]).index.pgnos]).toEqual([1, lock - 2, lock - 1, lock + 1, lock + 2]);
    const c = encode({ pageSize: 65_536, commit: lock, minTXID: tx(3), maxTXID: tx(3) }, []).bytes;
    expect([...mergeLtx([a, c]).index.pgnos]).toEqual([1, lock - 2, lock - 1]);
  });
});

describe("checksum tracking", () => {
  const build = (first: number, flags: readonly boolean[]): Uint8Array[] => {
    const model = new Model();
    if (first > 1) model.apply(1, [{ pgno: pg(1), data: new Uint8Array(SIZE).fill(9) }]);
    return flags.map((tracked, i) => {
      const pre = model.checksum();
      const pages = [{ pgno: pg(1), data: new Uint8Array(SIZE).fill(i + 1) }];
      model.apply(1, pages);
      const [min, noChecksum] = [first + i, !tracked];
      return encode(
        { commit: 1, minTXID: tx(min), maxTXID: tx(min), noChecksum, preApplyChecksum: tracked && min > 1 ? pre : 0n },
        pages,
        tracked ? model.checksum() : 0n,
      ).bytes;
    });
  };

  it.each<[number, readonly boolean[], boolean, MergeOptions]>([
    [1, [true, true], true, {}],
    [1, [false, true], true, {}],
    [1, [true, false], false, {}],
    [5, [true, false, true], true, {}],
    [5, [false, true], false, {}],
    [5, [true, false], false, {}],
    [5, [true, true], false, { checksum: "none" }],
    [1, [true, true], false, { checksum: "none" }],
  ])("from TXID %i with %j: %s under %j", (first, flags, tracked, options) => {
    const inputs = build(first, flags);
    const merged = mergeLtx(inputs, options);
    expect(merged.header.noChecksum).toBe(!tracked);
    expect(verifyLtx(merged.bytes).ok).toBe(true);
    const [head, last] = [decodeLtx(inputs[0] as Uint8Array), decodeLtx(inputs[inputs.length - 1] as Uint8Array)];
    expect(merged.header.preApplyChecksum).toBe(tracked ? head.header.preApplyChecksum : 0n);
    expect(merged.trailer.postApplyChecksum).toBe(tracked ? last.trailer.postApplyChecksum : 0n);
  });

  it("notices files that don't fit each other", () => {
    const [a] = build(5, [true]);
    const [, b] = build(5, [true, true]);
    const page = [{ pgno: pg(1), data: new Uint8Array(SIZE) }];
    const other = encode(
      { commit: 1, minTXID: tx(6), maxTXID: tx(6), noChecksum: false, preApplyChecksum: FLAG | 5n },
      page,
      FLAG | 6n,
    ).bytes;
    expect(problemOf(() => mergeLtx([a, b] as Uint8Array[]))).toBe("none");
    expect(problemOf(() => mergeLtx([a as Uint8Array, other]))).toBe("post-apply-checksum");
    const snapshot = build(1, [false])[0] as Uint8Array;
    const wrong = encode(
      { commit: 1, minTXID: tx(2), maxTXID: tx(2), noChecksum: false, preApplyChecksum: FLAG | 5n },
      page,
      FLAG | 6n,
    ).bytes;
    expect(problemOf(() => mergeLtx([snapshot, wrong]))).toBe("post-apply-checksum");
  });
});

describe("inputs", () => {
  const file = (min: number, max: number, pageSize = SIZE): Uint8Array =>
    encode({ pageSize, commit: 2, minTXID: tx(min), maxTXID: tx(max) }, []).bytes;

  it.each<[string, Uint8Array[], string]>([
    ["a gap", [file(2, 3), file(5, 6)], "sequence"],
    ["the wrong order", [file(4, 5), file(2, 3)], "sequence"],
    ["the same file twice", [file(2, 3), file(2, 3)], "sequence"],
    ["a file within the one before", [file(2, 6), file(3, 4)], "sequence"],
    ["a file that begins before the one before", [file(3, 4), file(2, 6)], "sequence"],
    ["different page sizes", [file(2, 3), file(4, 5, 1024)], "sequence"],
    ["an overlap, which is fine", [file(2, 4), file(3, 6)], "none"],
    ["no gap", [file(2, 3), file(4, 4), file(5, 9)], "none"],
  ])("with %s", (_, inputs, problem) => {
    expect(problemOf(() => mergeLtx(inputs))).toBe(problem);
  });

  it("must be there", () => {
    expect(() => mergeLtx([])).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  it("are verified, whatever of them is used", () => {
    const r = random(4);
    const { files } = history(r, 3, 5, false);
    files.forEach((bytes, i) => {
      for (let n = 0; n < bytes.length; n += 7)
        expect(problemOf(() => mergeLtx(files.map((f, j) => (i === j ? f.subarray(0, n) : f))))).not.toBe("none");
      const changed = Uint8Array.from(bytes);
      changed[bytes.length - 1] = (changed[bytes.length - 1] ?? 0) ^ 1;
      expect(problemOf(() => mergeLtx(files.map((f, j) => (i === j ? changed : f))))).toBe("file-checksum");
    });
  });

  it("of the old encoding come out in the new one", () => {
    const data = new Uint8Array(SIZE).fill(3);
    const stored = concat([4, 34, 77, 24, 0x60, 0x40, 0x82], [0, 2, 0, 0x80], data, [0, 0, 0, 0]);
    const legacy = assemble({ pageSize: SIZE, commit: 1, frames: [{ pgno: 1, flags: 0, data, stored }] });
    const merged = mergeLtx([legacy]);
    expect(merged.bytes[105]).toBe(1);
    expect(sameBytes([...decodeLtx(merged.bytes).pages()][0]?.data ?? new Uint8Array(0), data)).toBe(true);
  });
});

describe("a streamed merge", () => {
  it("gives the same file from chunks of any size, in pieces", () => {
    for (let round = 0; round < 60 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const { files } = history(r, 1 + r.below(5), r.chance(0.5) ? 1 : 5, false);
      const at = files.map((bytes) => Math.min(bytes.length, 100 + r.below(300)));
      const merge = new LtxMerge(
        files.map((bytes, i) => bytes.subarray(0, at[i])),
        { streamed: true },
      );
      const out: Uint8Array[] = [];
      for (;;) {
        const i = merge.wants();
        if (i !== undefined) {
          const to = Math.min((at[i] ?? 0) + 1 + r.below(400), files[i]?.length ?? 0);
          merge.push(i, files[i]?.subarray(at[i], to) ?? new Uint8Array(0));
          at[i] = to;
        } else if (!merge.step()) break;
        if (r.chance(0.2)) {
          expect(merge.pendingBytes).toBeGreaterThanOrEqual(0);
          out.push(merge.takeBytes());
        }
      }
      out.push(merge.finish().bytes);
      expect(sameBytes(Buffer.concat(out), mergeLtx(files).bytes)).toBe(true);
    }
  });

  it("names a cut input", () => {
    const { files } = history(random(8), 2, 5, false);
    const merge = new LtxMerge(
      files.map((bytes) => bytes.subarray(0, 110)),
      { streamed: true },
    );
    expect(merge.wants()).toBe(0);
    expect(problemOf(() => merge.step())).toBe("length");
    const txid: TXID = tx(5);
    expect(decodeLtx(files[0] as Uint8Array).header.minTXID).toBe(txid);
    expect(() => merge.push(7, new Uint8Array(1))).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
