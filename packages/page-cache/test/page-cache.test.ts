import { OptionError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { PageCache } from "../src/index.js";

const seed = testSeed("page-cache");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const page = (fill: number, length = 10): Uint8Array => new Uint8Array(length).fill(fill);

/** SIEVE written the plain way: an array from the newest to the oldest entry, and a hand that walks it backwards. */
class Model {
  entries: { key: number; bytes: number; visited: boolean }[] = [];
  hand: number | undefined; // a key
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
  get bytes(): number {
    return this.entries.reduce((sum, e) => sum + e.bytes, 0);
  }
  get(key: number): boolean {
    const entry = this.entries.find((e) => e.key === key);
    if (entry) entry.visited = true;
    return entry !== undefined;
  }
  remove(key: number): void {
    const at = this.entries.findIndex((e) => e.key === key);
    if (at < 0) return;
    if (this.hand === key) this.hand = this.entries[at - 1]?.key;
    this.entries.splice(at, 1);
  }
  evict(spare?: number): void {
    let at = this.hand === undefined ? -1 : this.entries.findIndex((e) => e.key === this.hand);
    if (at < 0) at = this.entries.length - 1;
    for (;;) {
      const entry = this.entries[at];
      if (entry === undefined) throw new Error("the model ran empty");
      if (!entry.visited && (entry.key !== spare || this.entries.length === 1)) {
        this.hand = entry.key;
        this.remove(entry.key);
        return;
      }
      entry.visited = false;
      at = at === 0 ? this.entries.length - 1 : at - 1;
    }
  }
  set(key: number, bytes: number): void {
    const entry = this.entries.find((e) => e.key === key);
    if (bytes > this.maxBytes) {
      this.remove(key);
      return;
    }
    if (entry) {
      entry.bytes = bytes;
      entry.visited = true;
      while (this.bytes > this.maxBytes) this.evict(key);
      return;
    }
    while (this.bytes + bytes > this.maxBytes) this.evict();
    this.entries.unshift({ key, bytes, visited: false });
  }
}

describe("PageCache", () => {
  it("keeps what fits and counts hits, misses and bytes", () => {
    const cache = new PageCache({ maxBytes: 30 });
    cache.set(1, page(1));
    cache.set(2, page(2));
    expect(cache.get(1)).toEqual(page(1));
    expect(cache.get(3)).toBeUndefined();
    expect([cache.hits, cache.misses, cache.bytes, cache.size]).toEqual([1, 1, 20, 2]);
    expect(cache.has(2)).toBe(true);
    expect([cache.hits, cache.misses]).toEqual([1, 1]);
  });

  it("spares an entry that was hit and evicts the one that was not", () => {
    const cache = new PageCache({ maxBytes: 30 });
    for (const n of [1, 2, 3]) cache.set(n, page(n));
    cache.get(1);
    cache.set(4, page(4));
    expect([1, 2, 3, 4].map((n) => cache.has(n))).toEqual([true, false, true, true]);
    expect(cache.evictions).toBe(1);
  });

  it("survives a scan: hot pages stay while each page of the scan comes once", () => {
    const cache = new PageCache({ maxBytes: 100 * 10 });
    for (let n = 0; n < 20; n += 1) cache.set(n, page(n));
    for (let n = 1000; n < 3000; n += 1) {
      cache.set(n, page(1));
      if (n % 20 === 0) for (let hot = 0; hot < 20; hot += 1) cache.get(hot);
    }
    expect(Array.from({ length: 20 }, (_, n) => cache.has(n))).not.toContain(false);
    expect(cache.misses).toBe(0);
  });

  it("spares pages that were fetched ahead before pages that were read once", () => {
    const cache = new PageCache({ maxBytes: 100 });
    for (let n = 0; n < 5; n += 1) cache.set(n, page(n));
    for (let n = 5; n < 10; n += 1) cache.addAhead(n, page(n));
    for (let n = 10; n < 15; n += 1) cache.addAhead(n, page(n));
    expect(Array.from({ length: 15 }, (_, n) => cache.has(n))).toEqual(Array.from({ length: 15 }, (_, n) => n >= 5));
    // Plain SIEVE would now take the newest for the coldest, as none of them has been read.
    for (let n = 5; n < 10; n += 1) expect(cache.get(n)).toBeDefined();
  });

  it("does not take the first read of a page that was fetched ahead for a sign that it is hot", () => {
    const cache = new PageCache({ maxBytes: 100 });
    for (let n = 0; n < 10; n += 1) cache.addAhead(n, page(n));
    for (let n = 0; n < 10; n += 1) cache.get(n);
    cache.get(3);
    for (let n = 10; n < 19; n += 1) cache.set(n, page(n));
    expect(Array.from({ length: 10 }, (_, n) => n).filter((n) => cache.has(n))).toEqual([3]);
  });

  it("lets pages go that were fetched ahead and are never read", () => {
    const cache = new PageCache({ maxBytes: 100 });
    for (let n = 0; n < 10; n += 1) cache.addAhead(n, page(n));
    for (let n = 10; n < 100; n += 1) cache.set(n, page(n));
    expect(Array.from({ length: 10 }, (_, n) => n).filter((n) => cache.has(n))).toEqual([]);
    cache.addAhead(99, page(7));
    cache.addAhead(200, page(7, 101));
    expect([cache.get(99), cache.has(200), cache.bytes]).toEqual([page(99), false, 100]);
  });

  it("replaces values of another size, drops what can't fit, and can be off", () => {
    const cache = new PageCache({ maxBytes: 30 });
    for (const n of [1, 2, 3]) cache.set(n, page(n));
    cache.set(2, page(7, 25));
    expect(cache.get(2)).toEqual(page(7, 25));
    expect(cache.bytes).toBe(25);
    cache.set(2, page(7, 31));
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    const off = new PageCache({ maxBytes: 0 });
    off.set(1, page(1));
    expect(off.get(1)).toBeUndefined();
  });

  it("drops one, some and all", () => {
    const cache = new PageCache({ maxBytes: 1000 });
    for (let n = 1; n <= 10; n += 1) cache.set(n, page(n));
    expect(cache.delete(3)).toBe(true);
    expect(cache.delete(3)).toBe(false);
    cache.retain((key) => key <= 6);
    expect([cache.size, cache.bytes]).toEqual([5, 50]);
    cache.clear();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    for (let n = 1; n <= 200; n += 1) cache.set(n, page(n));
    expect([cache.size, cache.bytes]).toEqual([100, 1000]);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses maxBytes = %d", (maxBytes) => {
    expect(() => new PageCache({ maxBytes })).toThrow(OptionError);
  });

  it("does what SIEVE does, over random traces with deletes and replacements", () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 20 * rounds; round += 1) {
      const maxBytes = 5 + random.below(200);
      const cache = new PageCache({ maxBytes });
      const model = new Model(maxBytes);
      const keys = 5 + random.below(100);
      for (let step = 0; step < 600; step += 1) {
        const key = random.chance(0.5) ? random.below(5) : random.below(keys);
        const act = random.below(20);
        if (act < 8) expect(cache.get(key) !== undefined).toBe(model.get(key));
        else if (act < 18) {
          const bytes = 1 + random.below(12);
          cache.set(key, page(key, bytes));
          model.set(key, bytes);
        } else if (act === 18) {
          cache.delete(key);
          model.remove(key);
        } else if (random.chance(0.02)) {
          cache.clear();
          model.entries = [];
          model.hand = undefined;
        }
        expect(cache.bytes).toBe(model.bytes);
        expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
        expect(cache.size).toBe(model.entries.length);
        for (const entry of model.entries) expect(cache.has(entry.key)).toBe(true);
      }
    }
  });

  it("allocates nothing on hits", () => {
    const cache = new PageCache({ maxBytes: 4096 * 256 });
    for (let n = 1; n <= 256; n += 1) cache.set(n, page(n, 4096));
    const hit = (times: number): number => {
      let found = 0;
      for (let n = 0; n < times; n += 1) if (cache.get((n & 255) + 1) !== undefined) found += 1;
      return found;
    };
    hit(200_000); // compiled from here on
    const before = process.memoryUsage().heapUsed;
    expect(hit(2_000_000)).toBe(2_000_000);
    // One object of 16 bytes a hit would be 32 MB, more than the young generation holds between collections.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000);
  });
});
