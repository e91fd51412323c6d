import { describe, expect, it } from "vitest";
import { listReplica, openView, planRestore, tailGuess, WHOLE_BYTES_MAX } from "../src/index.js";
import { wholeBytesMax } from "../src/open-file.js";
import { pageBytes, range, TestReplica } from "./support.js";

/** Bytes of the page index of a snapshot, with all that follows, when all pages compress alike. */
function indexBytes(pages: number, frameBytes: number): number {
  const length = (n: number): number => (n < 0x80 ? 1 : n < 0x4000 ? 2 : n < 0x200000 ? 3 : n < 0x10000000 ? 4 : 5);
  let bytes = 6 + 1 + 8 + 16;
  for (let i = 0; i < pages; i += 1) bytes += length(i + 1) + length(100 + i * frameBytes) + length(frameBytes);
  return bytes;
}

describe("the guess of a file's tail", () => {
  const MB = 1024 * 1024;

  it.each([1, 64, 512])("is enough for a database of %d MB in pages of 4 KB that compress to anything from a quarter to nothing", (mb) => {
    const pages = (mb * MB) / 4096;
    for (const frameBytes of [1024, 1500, 2048, 3000, 4106]) {
      const index = indexBytes(pages, frameBytes);
      const size = 100 + pages * frameBytes + index;
      const guess = size <= wholeBytesMax(1) ? size : tailGuess(size);
      expect(guess, `frames of ${frameBytes}`).toBeGreaterThanOrEqual(index);
      // What is fetched for nothing: never more than 10 ms at 100 MB/s, a round trip being 25.
      expect(guess - index, `frames of ${frameBytes}`).toBeLessThanOrEqual(size <= wholeBytesMax(1) ? size : MB);
    }
  });

  it("is never more than 4 MiB, nor than the file, and small where the index is read in parts most likely", () => {
    expect(tailGuess(2 ** 30)).toBe(4 * MB);
    expect(tailGuess(2 ** 40)).toBe(MB / 2);
    expect(tailGuess(1000)).toBe(1000);
  });
});

describe("files that are read whole", () => {
  it("may be of 1 MiB where there are few, of 128 KiB where there are many", () => {
    expect([1, 4, 16, 32, 1000].map(wholeBytesMax)).toEqual([1 << 20, 1 << 20, 1 << 18, 1 << 17, WHOLE_BYTES_MAX]);
  });

  it("opens a database of 1 MB with one request, and has all its pages", async () => {
    const replica = new TestReplica();
    await replica.put({ min: 1, level: 9, commit: 256, pages: range(1, 256), pageSize: 4096 });
    const plan = planRestore((await listReplica(replica.inner, replica.layout)).files);
    if (plan === undefined) throw new Error("empty replica");
    const { view, pages } = await openView(replica.store, replica.layout, plan);
    expect(replica.requests()).toEqual({ list: 0, get: 1, other: 0 });
    expect([view.commit, pages.size]).toEqual([256, 256]);
    expect(pages.get(200)).toEqual(pageBytes(4096, 200, 1));
  });

  it("gives the newest version of each page, however often it was written", async () => {
    const replica = new TestReplica();
    for (const n of range(1, 30)) await replica.put({ min: n, commit: 4, pages: n === 1 ? [1, 2, 3, 4] : [1, 2] });
    const plan = planRestore((await listReplica(replica.inner, replica.layout)).files);
    if (plan === undefined) throw new Error("empty replica");
    const { pages } = await openView(replica.store, replica.layout, plan);
    expect([1, 2, 3, 4].map((n) => pages.get(n))).toEqual([30, 30, 1, 1].map((version, i) => pageBytes(512, i + 1, version)));
  });
});
