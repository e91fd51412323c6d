import { describe, expect, it } from "vitest";
import {
  decodeHeader,
  decodeLtx,
  decodePageFrame,
  decodeTail,
  decodeTailSteps,
  decodeTrailer,
  encodeHeader,
  LtxCorruptError,
  LtxEncoder,
  type LtxProblem,
  pageChecksum,
  verifyLtx,
} from "../src/index.js";
import { assemble, be, concat, literalBlock, type RawFile, type RawFrame } from "./assemble.js";
import { headerInput, pg, sameBytes, tx } from "./support.js";

const FLAG = 1n << 63n;
const page = (fill: number, size = 512): Uint8Array => new Uint8Array(size).fill(fill);
const frame = (pgno: number, more: Partial<RawFrame> = {}): RawFrame => ({ pgno, data: page(pgno), ...more });
const base: RawFile = { pageSize: 512, commit: 5, frames: [frame(1), frame(3)] };

function problemOf(work: () => unknown): LtxProblem | "none" {
  try {
    work();
  } catch (error) {
    if (error instanceof LtxCorruptError && error.code === "LTX_CORRUPT" && !error.retryable) return error.problem;
    throw error;
  }
  return "none";
}
const problemIn = (file: Partial<RawFile>): LtxProblem | "none" => problemOf(() => decodeLtx(assemble({ ...base, ...file })));

it("accepts the file that the cases below spoil", () => {
  const file = decodeLtx(assemble(base));
  expect([...file.pages()].map((p) => [p.pgno, p.data[0]])).toEqual([
    [1, 1],
    [3, 3],
  ]);
});

describe("header", () => {
  it.each<[string, Partial<RawFile>]>([
    ["another magic", { magic: "LTX2" }],
    ["header flag bit 0", { flags: 1 }],
    ["header flag bit 2", { flags: 2 | 4 }],
    ["header flag bit 31", { flags: 0x80000002 }],
    ["page size 256", { pageSize: 256 }],
    ["page size 131072", { pageSize: 131_072 }],
    ["page size 768", { pageSize: 768 }],
    ["page size 0", { pageSize: 0 }],
    ["commit beyond SQLite's limit", { commit: 0xffffffff }],
    ["minTXID 0", { minTXID: 0n, maxTXID: 3n }],
    ["maxTXID below minTXID", { minTXID: 4n, maxTXID: 3n }],
    ["a timestamp that no date has", { timestamp: 1n << 60n }],
    ["pre-apply checksum without tracking", { preApply: FLAG | 1n }],
    ["tracking without pre-apply checksum", { flags: 0, postApply: FLAG | 1n }],
    ["pre-apply checksum without its flag", { flags: 0, preApply: 5n, postApply: FLAG | 1n }],
    ["snapshot with pre-apply checksum", { flags: 0, minTXID: 1n, preApply: FLAG | 1n }],
    ["negative WAL offset", { wal: [-1n, 0n, 0, 0] }],
    ["negative WAL size", { wal: [32n, -1n, 0, 0] }],
    ["WAL size without offset", { wal: [0n, 100n, 0, 0] }],
    ["WAL salt without offset", { wal: [0n, 0n, 0, 7] }],
  ])("rejects %s", (_, change) => {
    expect(problemIn(change)).toBe("header");
    expect(problemOf(() => decodeHeader(assemble({ ...base, ...change })))).toBe("header");
  });

  it("rejects every length but the whole", () => {
    const bytes = encodeHeader(headerInput());
    for (let n = 0; n < bytes.length; n += 1) expect(problemOf(() => decodeHeader(bytes.subarray(0, n)))).toBe("length");
    expect(decodeHeader(bytes)).toMatchObject({ commit: 3, minTXID: 2n, noChecksum: true });
  });

  it("keeps every field at its limits", () => {
    const input = headerInput({
      noChecksum: false,
      commit: 0xfffffffe,
      minTXID: tx(2),
      maxTXID: tx(2n ** 64n - 1n),
      timestampMs: -1,
      preApplyChecksum: 2n ** 64n - 1n,
      nodeID: 2n ** 64n - 1n,
      walOffset: 2n ** 63n - 1n,
      walSize: 2n ** 63n - 1n,
      walSalt1: 0xffffffff,
      walSalt2: 0xfffffffe,
    });
    expect(decodeHeader(encodeHeader(input))).toEqual(input);
  });

  it("refuses to encode what it would not decode", () => {
    for (const change of [
      { pageSize: 100 },
      { commit: -1 },
      { commit: 1.5 },
      { minTXID: tx(0) },
      { timestampMs: Number.NaN },
      { preApplyChecksum: 1n },
      { nodeID: -1n },
      { walSalt1: 1 },
      { walSalt1: -1, walOffset: 1n },
      { walOffset: 2n ** 63n },
    ]) {
      expect(() => encodeHeader(headerInput(change))).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    }
  });
});

describe("page block", () => {
  it.each<[string, Partial<RawFile>, LtxProblem]>([
    ["repeated pgno", { frames: [frame(1), frame(1)] }, "page-order"],
    ["descending pgnos", { frames: [frame(3), frame(2)] }, "page-order"],
    ["pgno above commit", { frames: [frame(1), frame(6)] }, "page-order"],
    ["page header flag bit 1", { frames: [frame(1, { flags: 3 })] }, "page-frame"],
    ["page header flag bit 15", { frames: [frame(1, { flags: 0x8001 })] }, "page-frame"],
    ["pgno 0 with a flag", { frames: [frame(0)] }, "page-frame"],
    ["compressed size 0", { frames: [frame(1, { stored: new Uint8Array(0) })] }, "page-frame"],
    ["compressed size beyond the worst case", { frames: [frame(1, { stored: new Uint8Array(512 + 2 + 17) })] }, "page-frame"],
    ["a page that is too short", { frames: [frame(1, { stored: literalBlock(page(1, 511)) })] }, "page-frame"],
    ["a page that is too long", { frames: [frame(1, { stored: literalBlock(page(1, 513)) })] }, "page-frame"],
    ["an LZ4 frame where a block should be", { frames: [frame(1, { stored: concat([4, 34, 77, 24], page(0, 500)) })] }, "page-frame"],
    ["a block where an LZ4 frame should be", { frames: [frame(1, { flags: 0 })] }, "page-frame"],
  ])("rejects %s", (_, change, problem) => {
    expect(problemIn(change)).toBe(problem);
  });

  it("rejects the lock page", () => {
    const lock = 2 ** 30 / 65_536 + 1;
    const big = (pgno: number): RawFrame => ({ pgno, data: page(1, 65_536) });
    expect(problemIn({ pageSize: 65_536, commit: lock + 1, frames: [big(lock + 1)] })).toBe("none");
    expect(problemIn({ pageSize: 65_536, commit: lock + 1, frames: [big(lock)] })).toBe("page-order");
  });

  it.each([
    [[2, 3, 4, 5], "its first"],
    [[1, 2, 4, 5], "a middle"],
    [[1, 2, 3, 4], "its last"],
    [[], "every"],
  ] as const)("rejects a snapshot with pages %j: misses %s page", (pgnos, _) => {
    expect(problemIn({ minTXID: 1n, maxTXID: 4n, frames: pgnos.map((n) => frame(n)) })).toBe("snapshot");
    expect(problemIn({ minTXID: 2n, maxTXID: 4n, frames: pgnos.map((n) => frame(n)) })).toBe("none");
  });
});

describe("page index", () => {
  const frames = [frame(1), frame(3)];
  const size = 6 + 4 + literalBlock(page(1)).length;
  const good = [
    [1, 100, size],
    [3, 100 + size, size],
  ] as const;
  const bad: [string, Partial<RawFile>][] = [
    ["a missing entry", { index: [good[0]] }],
    ["no entries", { index: [] }],
    ["an entry too many", { index: [...good, [4, 100 + 2 * size, size]] }],
    ["a repeated pgno", { index: [good[0], [1, good[1][1], size]] }],
    ["entries in the wrong order", { index: [good[1], good[0]] }],
    ["another pgno", { index: [good[0], [4, good[1][1], size]] }],
    ["size 0", { index: [good[0], [3, good[1][1], 0]] }],
    ["a size that overlaps the next frame", { index: [[1, 100, size + 1], good[1]] }],
    ["an offset past the end", { index: [good[0], [3, 1_000_000, size]] }],
    ["an offset within the header", { index: [[1, 99, size], good[1]] }],
    ["an offset of 2^63", { index: [good[0], [3, 2n ** 63n, size]] }],
    ["a size of 2^40", { index: [good[0], [3, good[1][1], 2n ** 40n]] }],
    ["a pgno of 2^32 + 3", { index: [good[0], [2n ** 32n + 3n, good[1][1], size]] }],
    ["a number in a long form", { indexBytes: concat([0x81, 0x00, 100], [0]) }],
    ["a number that never ends", { indexBytes: page(0xff, 30) }],
    ["no terminator", { indexBytes: concat([1, 100, 11]) }],
    ["two terminators", { indexBytes: concat([0, 0]) }],
    ["a size field of 0", { indexSize: 0n }],
    ["a size field too small", { indexSize: 2n }],
    ["a size field too large", { indexSize: 1000n }],
    ["a size field of 2^64 - 1", { indexSize: 2n ** 64n - 1n }],
  ];

  it("accepts the true one", () => {
    const bytes = assemble({ ...base, frames, index: good });
    expect(verifyLtx(bytes).ok).toBe(true);
    expect(decodeTail(bytes, bytes.length)).toMatchObject({ kind: "ok", index: { count: 2 }, indexOffset: 100 + 2 * size + 6 });
  });

  it.each(bad)("rejects %s, whole and from the tail", (name, change) => {
    const bytes = assemble({ ...base, frames, ...change });
    expect(problemIn({ frames, ...change })).toBe("page-index");
    // From the tail alone, a pgno that is merely another one can't be told.
    if (name !== "another pgno") expect(problemOf(() => decodeTail(bytes, bytes.length))).toBe("page-index");
  });

  it("asks for as much of the tail as it needs, in two steps at most", () => {
    const bytes = assemble({ ...base, frames });
    const first = decodeTail(bytes.subarray(bytes.length - 10), bytes.length);
    expect(first).toEqual({ kind: "need", bytes: 24 });
    const second = decodeTail(bytes.subarray(bytes.length - 24), bytes.length);
    if (second.kind !== "need") throw new Error("more is needed than the size field");
    for (let n = 24; n < second.bytes; n += 1) expect(decodeTail(bytes.subarray(bytes.length - n), bytes.length)).toEqual(second);
    expect(decodeTail(bytes.subarray(bytes.length - second.bytes), bytes.length).kind).toBe("ok");
    expect(problemOf(() => decodeTail(bytes, bytes.length - 1))).toBe("length");
    expect(problemOf(() => decodeTail(new Uint8Array(0), 130))).toBe("length");
  });

  it("reads offsets beyond 2^32", () => {
    // The frames before the last two are imagined: 70,000 of 65,546 bytes each make 4.6 GB.
    const frameSize = 65_546;
    const count = 70_000;
    const entries: number[] = [];
    let offset = 100;
    for (let pgno = 1; pgno <= count; pgno += 1, offset += frameSize) {
      for (let v of [pgno, offset, frameSize]) {
        for (; v >= 128; v = Math.floor(v / 128)) entries.push((v % 128) + 128);
        entries.push(v);
      }
    }
    const tail = Buffer.concat([new Uint8Array(6), Uint8Array.from([...entries, 0]), be(entries.length + 1, 8), be(0, 8), be(FLAG, 8)]);
    const decoded = decodeTail(tail, offset + tail.length);
    if (decoded.kind !== "ok") throw new Error("the tail is complete");
    expect(decoded.index.offsets[count - 1]).toBe(offset - frameSize);
    expect(decoded.index.count).toBe(count);

    const steps = decodeTailSteps(tail, offset + tail.length, 10_000);
    let yields = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) yields += 1;
    expect(yields).toBe(7);
    expect(step.value).toEqual(decoded);
  });
});

describe("trailer", () => {
  it.each<[string, Partial<RawFile>, LtxProblem]>([
    ["another file checksum", { fileChecksum: FLAG | 1n }, "file-checksum"],
    ["a file checksum without its flag", { fileChecksum: 1n }, "trailer"],
    ["post-apply checksum without tracking", { postApply: FLAG | 1n }, "trailer"],
    ["post-apply checksum without its flag", { postApply: 1n }, "trailer"],
    ["tracking without post-apply checksum", { flags: 0, preApply: FLAG | 1n }, "trailer"],
    [
      "an empty database with the checksum of something",
      { flags: 0, preApply: FLAG | 1n, commit: 0, frames: [], postApply: FLAG | 1n },
      "trailer",
    ],
    [
      "a snapshot with another post-apply checksum",
      { flags: 0, minTXID: 1n, commit: 1, frames: [frame(1)], postApply: FLAG | 1n },
      "post-apply-checksum",
    ],
  ])("rejects %s", (_, change, problem) => {
    expect(problemIn(change)).toBe(problem);
  });

  it("accepts tracked files", () => {
    const sum = pageChecksum(pg(1), page(1)) ^ pageChecksum(pg(2), page(2));
    expect(problemIn({ flags: 0, minTXID: 1n, commit: 2, frames: [frame(1), frame(2)], postApply: sum | FLAG })).toBe("none");
    expect(problemIn({ flags: 0, preApply: FLAG | 1n, postApply: FLAG | 2n })).toBe("none");
    expect(problemIn({ flags: 0, preApply: FLAG | 1n, commit: 0, frames: [], postApply: FLAG })).toBe("none");
    expect(problemIn({ commit: 0, frames: [] })).toBe("none");
  });

  it("is read from the end of whatever is given", () => {
    const bytes = assemble(base);
    expect(decodeTrailer(bytes)).toEqual(decodeTrailer(bytes.subarray(bytes.length - 16)));
    expect(problemOf(() => decodeTrailer(bytes.subarray(bytes.length - 15)))).toBe("length");
  });

  it("ends the file", () => {
    expect(problemOf(() => decodeLtx(concat(assemble(base), [0])))).toBe("length");
  });
});

describe("encoder", () => {
  const bad = expect.objectContaining({ code: "BAD_OPTION" });

  it("refuses pages that a file may not hold, and goes on", () => {
    const lock = 2 ** 30 / 65_536 + 1;
    const encoder = new LtxEncoder(headerInput({ pageSize: 65_536, commit: lock + 2 }));
    const data = page(1, 65_536);
    encoder.addPage(pg(lock - 1), data);
    for (const [n, size] of [
      [lock - 1, 65_536],
      [1, 65_536],
      [lock, 65_536],
      [lock + 3, 65_536],
      [lock + 1, 512],
      [lock + 1.5, 65_536],
      [Number.NaN, 65_536],
    ] as const) {
      expect(() => encoder.addPage(pg(n), page(1, size))).toThrow(bad);
    }
    encoder.addPage(pg(lock + 1), data);
    const file = encoder.finish();
    expect([...file.index.pgnos]).toEqual([lock - 1, lock + 1]);
    expect(verifyLtx(file.bytes).ok).toBe(true);
    expect(() => encoder.finish()).toThrow(bad);
    expect(() => encoder.addPage(pg(lock + 2), data)).toThrow(bad);
  });

  it("holds snapshots to completeness", () => {
    const encoder = new LtxEncoder(headerInput({ minTXID: tx(1), commit: 2 }));
    expect(() => encoder.addPage(pg(2), page(2))).toThrow(bad);
    encoder.addPage(pg(1), page(1));
    expect(() => encoder.finish()).toThrow(bad);
    encoder.addPage(pg(2), page(2));
    expect(verifyLtx(encoder.finish().bytes).ok).toBe(true);
  });

  it("computes the post-apply checksum of a tracked snapshot, and wants one for other tracked files", () => {
    const snapshot = new LtxEncoder(headerInput({ noChecksum: false, minTXID: tx(1), commit: 1 }));
    snapshot.addPage(pg(1), page(1));
    expect(() => snapshot.finish(FLAG | 1n)).toThrow(bad);
    expect(snapshot.finish().trailer.postApplyChecksum).toBe(pageChecksum(pg(1), page(1)));
    const delta = new LtxEncoder(headerInput({ noChecksum: false, preApplyChecksum: FLAG | 1n }));
    expect(() => delta.finish()).toThrow(bad);
    expect(() => delta.finish(1n)).toThrow(bad);
    expect(delta.finish(FLAG | 7n).trailer.postApplyChecksum).toBe(FLAG | 7n);
    expect(() => new LtxEncoder(headerInput()).finish(FLAG | 1n)).toThrow(bad);
  });

  it("gives the same bytes whatever the hint, and bytes that are its own", () => {
    const make = (sizeHintBytes: number): Uint8Array => {
      const encoder = new LtxEncoder(headerInput({ commit: 200 }), { sizeHintBytes });
      for (let n = 1; n <= 200; n += 1) encoder.addPage(pg(n), page(n));
      return encoder.finish().bytes;
    };
    expect(sameBytes(make(0), make(1_000_000))).toBe(true);
    expect(make(1_000_000).buffer.byteLength).toBeLessThan(20_000);
  });
});

describe("one page frame", () => {
  it("is decoded where it is, into a buffer if one is given", () => {
    const bytes = assemble(base);
    const into = new Uint8Array(512);
    const decoded = decodePageFrame(bytes, 100, 512, into);
    expect(decoded.data).toBe(into);
    expect(into[0]).toBe(1);
    expect(decodePageFrame(bytes, 100 + decoded.size, 512).pgno).toBe(3);
    expect(problemOf(() => decodePageFrame(bytes, 100 + 2 * decoded.size, 512))).toBe("page-frame");
    expect(() => decodePageFrame(bytes, -1, 512)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(() => decodePageFrame(bytes, 100, 500)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(() => decodePageFrame(bytes, 100, 512, new Uint8Array(511))).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(problemOf(() => decodePageFrame(bytes, bytes.length, 512))).toBe("length");
  });
});
