import { HeadwaterError } from "@headwater/core";
import { testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeHeader,
  decodeLtx,
  decodePageFrame,
  decodeTail,
  decodeTrailer,
  LtxStreamDecoder,
  mergeLtx,
  RangeVerifier,
  verifyLtx,
} from "../src/index.js";
import { measurePageFrame } from "../src/page-frame.js";
import { assemble, be, concat } from "./assemble.js";
import { encode, pagesFor, pg, ROUNDS, random, range, samePages, tx } from "./support.js";

const seed = testSeed("hostile");
const options = (numRuns: number): { numRuns: number; seed: number } => ({ numRuns: numRuns * ROUNDS, seed });

/** Runs one decoder on bytes: a value, or LTX_CORRUPT; anything else is a bug. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (HeadwaterError.is(error) && error.code === "LTX_CORRUPT" && !error.retryable) return undefined;
    throw error;
  }
}

const decoders: Record<string, (bytes: Uint8Array) => unknown> = {
  decodeHeader,
  decodeTrailer,
  decodeLtx: (bytes) => [...decodeLtx(bytes).pages()].length,
  decodeTail: (bytes) => decodeTail(bytes.subarray(bytes.length >> 1), bytes.length),
  decodePageFrame: (bytes) => decodePageFrame(bytes, Math.min(100, bytes.length), 512),
  mergeLtx: (bytes) => mergeLtx([bytes]),
  RangeVerifier: (bytes) => {
    const tail = decodeTail(bytes, bytes.length);
    if (tail.kind === "need") return undefined;
    const verifier = new RangeVerifier(bytes, tail);
    if (tail.index.count > 0) {
      const run = verifier.startRun(0);
      for (let i = 0; i < tail.index.count; i += 1) run.next(bytes, tail.index.offsets[i] ?? 0);
      run.end();
    }
    verifier.finish();
    return tail;
  },
};

const small = encode({ commit: 5 }, pagesFor(random(1), 512, [1, 2, 5])).bytes;
const legacy = assemble({
  pageSize: 512,
  commit: 2,
  // Stored blocks with content checksum absent: descriptor 0x60 0x40 0x82.
  frames: [1, 2].map((n) => ({
    pgno: n,
    flags: 0,
    data: new Uint8Array(512).fill(n),
    stored: concat([4, 34, 77, 24, 0x60, 0x40, 0x82], [0, 2, 0, 0x80], new Uint8Array(512).fill(n), [0, 0, 0, 0]),
  })),
});

describe.each(Object.entries(decoders))("%s", (_, decode) => {
  it("gives a value or LTX_CORRUPT for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void attempt(() => decode(bytes))),
      options(300),
    );
  });

  it.each([
    ["blocks", small],
    ["LZ4 frames", legacy],
  ])("gives a value or LTX_CORRUPT for a file of %s with bytes changed, cut and inserted", (__, file) => {
    const edit = fc.record({ at: fc.nat(file.length), cut: fc.nat(6), insert: fc.uint8Array({ maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let bytes: Uint8Array = file;
        for (const { at, cut, insert } of edits) bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + cut)]);
        attempt(() => decode(bytes));
      }),
      options(400),
    );
  });
});

it("starts from files that are right", () => {
  expect(verifyLtx(small).ok).toBe(true);
  expect(verifyLtx(legacy).ok).toBe(true);
});

describe("one flipped bit", () => {
  it.each([
    ["blocks", small],
    ["LZ4 frames", legacy],
    ["a tracked snapshot", encode({ noChecksum: false, minTXID: tx(1), commit: 3 }, pagesFor(random(2), 512, [1, 2, 3])).bytes],
  ])("anywhere in a file of %s is noticed, or changes nothing", (_, file) => {
    const good = decodeLtx(file);
    const pages = [...good.pages()];
    const payload = new Set<number>();
    pages.forEach((__, i) => {
      const at = good.index.offsets[i] ?? 0;
      for (let n = 6; n < (good.index.sizes[i] ?? 0); n += 1) payload.add(at + n);
    });
    let harmless = 0;
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const bytes = Uint8Array.from(file);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (!verifyLtx(bytes).ok) continue;
      // Only in compressed data can a bit be without meaning, such as which of two equal matches is copied.
      if (!payload.has(bit >> 3) || !samePages(decodeLtx(bytes).pages(), pages))
        throw new Error(`bit ${bit} of byte ${bit >> 3} was accepted`);
      harmless += 1;
    }
    expect(harmless).toBeLessThan(file.length / 4);
  });
});

describe("bounds", () => {
  it("answers a huge index claim without allocating for it", () => {
    const tail = concat(new Uint8Array(100), be(2n ** 40n, 8), be(0, 8), be(1n << 63n, 8));
    const before = process.memoryUsage().arrayBuffers;
    expect(decodeTail(tail, 2 ** 41)).toEqual({ kind: "need", bytes: 2 ** 40 + 30 });
    for (const claim of [2n ** 63n, 2n ** 64n - 1n, 2n ** 41n]) {
      expect(attempt(() => decodeTail(concat(new Uint8Array(100), be(claim, 8), be(0, 8), be(1n << 63n, 8)), 2 ** 41))).toBeUndefined();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  });

  it("never waits for more than one frame's worth of bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 40 }),
        fc.constantFrom(512, 65_536),
        fc.constantFrom(0, 1),
        (noise, pageSize, flags) => {
          const bytes = concat(be(7, 4), be(flags, 2), flags === 0 ? [4, 34, 77, 24] : [], noise);
          const size = attempt(() => measurePageFrame(bytes, 0, bytes.length, pageSize));
          expect(Math.abs(size ?? 0)).toBeLessThanOrEqual(131_072);
        },
      ),
      options(500),
    );
  });

  it("takes a legacy frame of countless tiny blocks byte by byte in bounded time", () => {
    // Stored blocks of one byte each until the limit on a frame's length cuts it off.
    const blocks = Array.from({ length: 30_000 }, () => [1, 0, 0, 0x80, 9]).flat();
    const head = assemble({ pageSize: 512, commit: 5, frames: [] }).subarray(0, 100);
    const bytes = Buffer.concat([head, be(1, 4), be(0, 2), Uint8Array.from([4, 34, 77, 24, 0x60, 0x40, 0x82, ...blocks])]);
    const decoder = new LtxStreamDecoder();
    const failedAt = range(0, bytes.length - 1).find((i) => {
      decoder.push(bytes.subarray(i, i + 1));
      return attempt(() => decoder.next() === undefined) === undefined;
    });
    expect(failedAt).toBeLessThan(6000);
  });

  it("rejects a legacy frame that would decompress to more than a page", () => {
    // 64 KiB blocks of one repeated byte, each from a few hundred bytes.
    const run = concat([0x1f, 0, 1, 0], new Uint8Array(256).fill(255), [200, 0x50, 0, 0, 0, 0, 0]);
    const stored = concat([4, 34, 77, 24, 0x60, 0x40, 0x82], be32le(run.length), run, [0, 0, 0, 0]);
    const bytes = assemble({ pageSize: 512, commit: 5, frames: [{ pgno: 1, flags: 0, data: new Uint8Array(512), stored }] });
    expect(attempt(() => decodePageFrame(bytes, 100, 512))).toBeUndefined();
    expect(decodePageFrame(legacy, 100, 512).pgno).toBe(pg(1));
  });
});

function be32le(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
}
