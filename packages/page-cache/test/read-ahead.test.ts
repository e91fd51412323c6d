import { OptionError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { neighbourhood, ReadAhead, type ReadAheadOptions, type Span } from "../src/index.js";

const seed = testSeed("read-ahead");

/** Runs a trace of page reads against a cache without bounds. Returns the spans that were fetched. */
function replay(trace: Iterable<number>, commit: number, options: ReadAheadOptions = {}): { spans: Span[]; pages: number } {
  const policy = new ReadAhead(options);
  const cached = new Set<number>();
  const spans: Span[] = [];
  let pages = 0;
  for (const pgno of trace) {
    if (cached.has(pgno)) continue;
    const span = policy.miss(pgno, commit);
    const inside = span.first >= 1 && span.first <= pgno && span.last >= pgno && span.last <= commit;
    if (!inside) expect.fail(`miss(${pgno}, ${commit}) gave ${span.first}-${span.last}`);
    for (let n = span.first; n <= span.last; n += 1) cached.add(n);
    spans.push(span);
    pages += span.last - span.first + 1;
  }
  return { spans, pages };
}

const widths = (spans: readonly Span[]): number[] => spans.map((s) => s.last - s.first + 1);
const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("ReadAhead", () => {
  it("widens for a scan: 64 MB in 4 KiB pages cost 70 requests instead of 16,384", () => {
    const { spans, pages } = replay(upTo(1, 16_384), 16_384);
    expect(widths(spans).slice(0, 9)).toEqual([4, 4, 8, 16, 32, 64, 128, 256, 256]);
    expect(spans.length).toBeLessThanOrEqual(70);
    expect(pages).toBe(16_384);
  });

  it("widens downwards just so", () => {
    const { spans, pages } = replay(upTo(1, 4096).reverse(), 4096);
    expect(widths(spans).slice(0, 7)).toEqual([4, 4, 8, 16, 32, 64, 128]);
    expect(pages).toBe(4096);
    expect(spans.at(-1)?.first).toBe(1);
  });

  it("costs random access one neighbourhood a read", () => {
    const random = new SeededRandom(seed);
    const commit = 1_000_000;
    const { spans } = replay(
      Array.from({ length: 1000 }, () => 1 + random.below(commit)),
      commit,
    );
    expect(spans.length).toBeGreaterThan(900);
    expect(Math.max(...widths(spans))).toBe(4);
  });

  it("never takes a descent for a scan, also when its pages are neighbours", () => {
    // Root, two interior pages and a leaf; then another row.
    expect(widths(replay([2, 5, 900, 4711], 10_000).spans)).toEqual([4, 4, 4, 4]);
    expect(widths(replay([2, 5, 900, 4711, 901, 9000], 10_000).spans)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(widths(replay([1, 2, 3], 10_000, { neighbourhoodPages: 1 }).spans)).toEqual([1, 1, 2]);
    expect(widths(replay([1, 2], 10_000, { neighbourhoodPages: 1 }).spans)).toEqual([1, 1]);
  });

  it("follows scans that alternate, as a join does", () => {
    const trace = upTo(0, 4095).flatMap((n) => [1 + n, 100_000 + n, 300_000 - n]);
    const { spans, pages } = replay(trace, 400_000);
    expect(spans.length).toBeLessThan(3 * 30);
    expect(pages).toBeLessThan(3 * 4096 * 1.2);
  });

  it("keeps a scan when point reads come between", () => {
    const random = new SeededRandom(seed);
    const trace = upTo(1, 4096).flatMap((n) => (n % 64 === 0 ? [n, 500_000 + random.below(400_000)] : [n]));
    const { spans } = replay(trace, 1_000_000);
    expect(spans.length).toBeLessThan(64 + 30);
  });

  it("steps over pages of others once the scan is sure", () => {
    const trace = upTo(1, 8192).filter((n) => n < 64 || n % 128 > 8); // each 128 pages, 9 belong to another table
    const { spans } = replay(trace, 8192);
    expect(spans.length).toBeLessThan(50);
  });

  it("fetches in the background on hits, so that only the start of a scan waits", () => {
    const policy = new ReadAhead();
    const commit = 16_384;
    const cached = new Set<number>();
    const take = (span: Span): void => {
      for (const n of upTo(span.first, span.last)) cached.add(n);
    };
    let waits = 0;
    let background = 0;
    for (let n = 1; n <= commit; n += 1) {
      if (cached.has(n)) {
        const span = policy.hit(n, commit);
        if (span === undefined) continue;
        background += 1;
        expect(cached.has(span.first)).toBe(false);
        take(span);
      } else {
        waits += 1;
        take(policy.miss(n, commit));
      }
    }
    expect(waits).toBe(3);
    expect(background).toBeLessThanOrEqual(70);
    expect(cached.size).toBe(commit);
  });

  it("asks for nothing in the background for point reads or beyond the database's ends", () => {
    const policy = new ReadAhead();
    policy.miss(9, 100);
    expect(policy.hit(12, 100)).toBeUndefined();
    for (const n of [85, 89, 93, 97]) policy.miss(n, 100);
    expect(policy.hit(100, 100)).toBeUndefined();
  });

  it("forgets scans on reset", () => {
    const policy = new ReadAhead();
    for (const n of [1, 5, 9]) policy.miss(n, 1000);
    policy.reset();
    expect(policy.miss(17, 1000)).toEqual({ first: 17, last: 20 });
  });

  it("holds on to a limited number of streams", () => {
    const trace = upTo(0, 99).flatMap((n) => upTo(0, 99).map((s) => s * 100_000 + n * 4 + 1));
    expect(Math.max(...widths(replay(trace, 10_000_000).spans))).toBe(4);
  });

  it("cuts at the end of the database, also when the page lies behind it", () => {
    expect(neighbourhood(6, 4, 6)).toEqual({ first: 5, last: 6 });
    expect(neighbourhood(9, 4, 6)).toEqual({ first: 9, last: 9 });
    expect(neighbourhood(1, 4, 1)).toEqual({ first: 1, last: 1 });
  });

  it.each([{ neighbourhoodPages: 0 }, { windowMaxPages: 1.5 }, { streamsMax: Number.NaN }])("refuses %j", (options) => {
    expect(() => new ReadAhead(options)).toThrow(OptionError);
  });
});
