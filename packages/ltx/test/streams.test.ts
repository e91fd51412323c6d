import { lockPgno } from "@headwater/core";
import { type SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { completeHeader } from "../src/header.js";
import { decodeTail, type EncodedLtx, LtxCorruptError, LtxStreamDecoder, LtxVerifier, type Page, RangeVerifier } from "../src/index.js";
import { PageOrder } from "../src/page-order.js";
import { encode, headerInput, PAGE_SIZES, pagesFor, pg, ROUNDS, random, range, sameBytes, samePages, tx } from "./support.js";

const seed = testSeed("streams");
const FLAG = 1n << 63n;

function anyFile(r: SeededRandom): { file: EncodedLtx; pages: Page[] } {
  const [snapshot, tracked] = [r.chance(0.5), r.chance(0.5)];
  const pageSize = r.pick([512, 1024, 4096]);
  const commit = r.below(20) + 1;
  const pages = pagesFor(
    r,
    pageSize,
    range(1, commit).filter(() => snapshot || r.chance(0.7)),
  );
  const pre = tracked && !snapshot ? FLAG | 3n : 0n;
  const post = tracked ? (snapshot ? undefined : FLAG | 4n) : 0n;
  return {
    file: encode(
      { pageSize, commit, minTXID: tx(snapshot ? 1 : 3), maxTXID: tx(9), noChecksum: !tracked, preApplyChecksum: pre },
      pages,
      post,
    ),
    pages,
  };
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

describe("LtxStreamDecoder", () => {
  it("gives the same from chunks of any size", () => {
    for (let round = 0; round < 100 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const { file, pages } = anyFile(r);
      const decoder = new LtxStreamDecoder();
      const got: Page[] = [];
      const chunkMax = r.pick([1, 7, 100, 1000, 100_000]);
      for (let at = 0; at < file.bytes.length; ) {
        const to = Math.min(file.bytes.length, at + r.below(chunkMax + 1));
        // A copy that is spoiled afterwards: what the decoder still needs of a chunk it must have kept.
        const chunk = file.bytes.slice(at, to);
        decoder.push(chunk);
        for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
          expect(sameBytes(page.frame, file.bytes.subarray(page.offset, page.offset + page.size))).toBe(true);
          got.push({ pgno: page.pgno, data: page.data });
        }
        chunk.fill(0xee);
        at = to;
      }
      expect(decoder.complete).toBe(true);
      const end = decoder.finish();
      expect(end.header).toEqual(file.header);
      expect(end.trailer).toEqual(file.trailer);
      expect(end.index).toEqual(file.index);
      expect(decoder.bytesDecoded).toBe(file.bytes.length);
      expect(samePages(got, pages)).toBe(true);
    }
  });

  it("wants each chunk used up, and the whole file", () => {
    const { file } = anyFile(random(1));
    const decoder = new LtxStreamDecoder();
    decoder.push(file.bytes.subarray(0, 200));
    expect(() => decoder.push(file.bytes.subarray(200))).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    while (decoder.skip());
    expect(decoder.header).toEqual(file.header);
    expect(problemOf(() => decoder.finish())).toBe("length");
    expect(problemOf(() => new LtxStreamDecoder().finish())).toBe("length");
    const long = new LtxStreamDecoder();
    long.push(file.bytes);
    long.finish();
    long.push(new Uint8Array(1));
    expect(problemOf(() => long.skip())).toBe("length");
  });

  it("fills a buffer that is given", () => {
    const { file, pages } = anyFile(random(2));
    const decoder = new LtxStreamDecoder();
    decoder.push(file.bytes);
    const into = new Uint8Array(file.header.pageSize);
    for (const page of pages) {
      expect(decoder.next(into)?.data).toBe(into);
      expect(sameBytes(into, page.data)).toBe(true);
    }
    expect(decoder.next(into)).toBeUndefined();
  });
});

describe("LtxVerifier", () => {
  it("reports what it found, and where", () => {
    const file = encode({ commit: 5 }, pagesFor(random(3), 512, [1, 2, 4]));
    const whole = new LtxVerifier();
    for (let at = 0; at < file.bytes.length; at += 100) expect(whole.push(file.bytes.subarray(at, at + 100))).toBe(true);
    expect(whole.finish()).toMatchObject({ ok: true, bytes: file.bytes.length, header: file.header, trailer: file.trailer });

    const at = file.index.offsets[1] ?? 0;
    const bytes = Uint8Array.from(file.bytes);
    bytes[at + 4] = 0x80;
    const damaged = new LtxVerifier();
    expect(damaged.push(bytes)).toBe(false);
    expect(damaged.push(bytes)).toBe(false);
    expect(damaged.finish()).toMatchObject({ ok: false, problem: "page-frame", offset: at, header: file.header });
    expect(new LtxVerifier().finish()).toMatchObject({ ok: false, problem: "length", offset: 0, header: undefined });
  });
});

describe("RangeVerifier", () => {
  const open = (file: EncodedLtx, bytes: Uint8Array = file.bytes): RangeVerifier => {
    const tail = decodeTail(bytes, bytes.length);
    if (tail.kind !== "ok") throw new Error("the whole file is there");
    return new RangeVerifier(bytes, tail);
  };
  const run = (verifier: RangeVerifier, file: EncodedLtx, bytes: Uint8Array, start: number, end: number): Page[] => {
    const frames = verifier.startRun(start);
    const pages = range(start, end - 1).map((i) => frames.next(bytes, file.index.offsets[i] ?? 0));
    frames.end();
    return pages;
  };

  it("agrees with the file checksum, whatever the ranges and their order", () => {
    for (let round = 0; round < 100 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const { file, pages } = anyFile(r);
      const verifier = open(file);
      const ranges: [number, number][] = [];
      for (let at = 0; at < file.index.count; ) {
        const end = at + 1 + r.below(file.index.count - at);
        ranges.push([at, end]);
        at = end;
      }
      ranges.sort(() => r.below(3) - 1);
      const got: Page[] = [];
      for (const [start, end] of ranges) {
        expect(verifier.missing()).not.toEqual([]);
        if (r.chance(0.2)) verifier.startRun(start).next(file.bytes, file.index.offsets[start] ?? 0); // given up
        got.push(...run(verifier, file, file.bytes, start, end).map(({ pgno, data }) => ({ pgno, data })));
      }
      expect(verifier.missing()).toEqual([]);
      verifier.finish();
      expect(
        samePages(
          got.sort((a, b) => a.pgno - b.pgno),
          pages,
        ),
      ).toBe(true);
    }
  });

  it("notices every flipped bit of a page, of the header and of the trailer", () => {
    const { file } = anyFile(random(seed));
    const pages = range(0, file.index.count - 1);
    for (let round = 0; round < 400 * ROUNDS; round += 1) {
      const bytes = Uint8Array.from(file.bytes);
      const at = random(seed + round).below(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (round & 7));
      const before = new Map<number, Uint8Array>();
      const problem = problemOf(() => {
        const verifier = open(file, bytes);
        for (const i of pages) for (const page of run(verifier, file, bytes, i, i + 1)) before.set(page.pgno, page.data);
        verifier.finish();
      });
      if (problem !== "none") continue;
      const original = open(file);
      for (const i of pages)
        for (const page of run(original, file, file.bytes, i, i + 1))
          expect(sameBytes(page.data, before.get(page.pgno) ?? new Uint8Array(0))).toBe(true);
    }
  });

  it("names what is missing, and wants each frame once", () => {
    const pages = pagesFor(random(1), 512, [1, 2, 3, 4, 5, 6]);
    const file = encode({ commit: 9 }, pages);
    const verifier = open(file);
    const bad = expect.objectContaining({ code: "BAD_OPTION" });
    run(verifier, file, file.bytes, 2, 4);
    expect(verifier.missing()).toEqual([
      { start: 0, end: 2 },
      { start: 4, end: 6 },
    ]);
    expect(() => verifier.finish()).toThrow(bad);
    run(verifier, file, file.bytes, 0, 2);
    run(verifier, file, file.bytes, 3, 6);
    expect(verifier.missing()).toEqual([]);
    expect(() => verifier.finish()).toThrow(bad); // frame 3 is in two runs
    run(verifier, file, file.bytes, 4, 6);
    verifier.finish();
    expect(() => verifier.startRun(6)).toThrow(bad);
    expect(() => verifier.startRun(-1)).toThrow(bad);
    const last = verifier.startRun(5);
    last.next(file.bytes, file.index.offsets[5] ?? 0);
    expect(last.frame).toBe(6);
    expect(() => last.next(file.bytes, 0)).toThrow(bad);
    expect(problemOf(() => verifier.startRun(0).next(file.bytes, file.index.offsets[1] ?? 0))).toBe("page-frame");
    expect(() => verifier.startRun(0).next(file.bytes, -1)).toThrow(bad);
  });

  it("rejects a header that the index does not fit", () => {
    const file = encode({ commit: 9 }, pagesFor(random(1), 512, [1, 2, 9]));
    const tail = decodeTail(file.bytes, file.bytes.length);
    if (tail.kind !== "ok") throw new Error("the whole file is there");
    const smaller = encode({ commit: 8 }, []).bytes;
    expect(problemOf(() => new RangeVerifier(smaller, tail))).toBe("page-order");
    const snapshot = encode({ commit: 0, minTXID: tx(1) }, []).bytes.slice(0, 100);
    snapshot[15] = 9;
    expect(problemOf(() => new RangeVerifier(snapshot, tail))).toBe("snapshot");
    expect(problemOf(() => new RangeVerifier(file.bytes.subarray(0, 99), tail))).toBe("length");
  });
});

describe.each(PAGE_SIZES)("a snapshot around the lock page, pages of %i bytes", (pageSize) => {
  it.each([-1, 0, 1, 2])("commit at the lock page %i", (distance) => {
    const lock = lockPgno(pageSize);
    const commit = lock + distance;
    // Only the rule is driven through all pages; a file of them would have 1 GiB.
    const order = new PageOrder(completeHeader(headerInput({ pageSize, commit, minTXID: tx(1), maxTXID: tx(1) })));
    let [count, problem]: [number, string | undefined] = [0, undefined];
    for (let n = 1; n <= commit && problem === undefined; n += 1) {
      if (n === lock) {
        expect(order.next(n)).toBeDefined();
        continue;
      }
      if (n === commit || (n === lock - 1 && distance === 0)) expect(order.end()).toContain("misses");
      problem = order.next(n);
      count += 1;
    }
    expect(problem).toBeUndefined();
    expect(order.end()).toBeUndefined();
    expect(order.next(commit + 1)).toBeDefined();
    expect(count).toBe(commit - (distance >= 0 ? 1 : 0));
  });

  it.each([-1, 0, 1, 2])("a sparse file with commit at the lock page %i", (distance) => {
    const lock = lockPgno(pageSize);
    const commit = lock + distance;
    const pages = pagesFor(
      random(7),
      pageSize,
      [1, lock - 1, lock + 1, lock + 2].filter((n) => n <= commit),
    );
    const file = encode({ pageSize, commit }, pages);
    const verifier = new LtxVerifier();
    expect(verifier.push(file.bytes)).toBe(true);
    expect(verifier.finish()).toMatchObject({ ok: true, header: { commit }, index: { count: pages.length } });
    expect(() => encode({ pageSize, commit }, pagesFor(random(7), pageSize, [lock]))).toThrow(
      expect.objectContaining({ code: "BAD_OPTION" }),
    );
    expect(pg(lock)).toBe(2 ** 30 / pageSize + 1);
  });
});
