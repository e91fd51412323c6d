import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { LocalCopy, LocalCopyReader } from "../src/index.js";

const PAGE = 512;
const page = (value: number): Uint8Array => new Uint8Array(PAGE).fill(value);

function setUp(pages: number): { fs: MemoryFileSystem; copy: LocalCopy; reader: LocalCopyReader; read(pgno: number): number | undefined } {
  const fs = new MemoryFileSystem();
  const copy = LocalCopy.create({ fs, path: "/copy", pageSize: PAGE, pages, viewId: 1 });
  const reader = LocalCopyReader.open(fs, copy.shared);
  const read = (pgno: number): number | undefined => {
    const into = new Uint8Array(PAGE);
    if (!reader.read(pgno, into, 0)) return undefined;
    return into.every((b) => b === into[0]) ? into[0] : -1;
  };
  return { fs, copy, reader, read };
}

describe("LocalCopy", () => {
  it("has its full size and no page at first", () => {
    const { fs, copy, read } = setUp(10);
    expect(fs.stat("/copy")?.size).toBe(10 * PAGE);
    expect(copy.pages).toBe(0);
    for (let pgno = 1; pgno <= 11; pgno += 1) expect(read(pgno)).toBeUndefined();
  });

  it("leaves a file alone that is there already", () => {
    const fs = new MemoryFileSystem();
    const other = fs.open("/copy", "w+");
    other.write(page(9), 0);
    expect(() => LocalCopy.create({ fs, path: "/copy", pageSize: PAGE, pages: 1, viewId: 1 })).toThrowError(
      expect.objectContaining({ code: "HYDRATION_FAILED", message: expect.stringContaining("path=/copy") }),
    );
    const into = new Uint8Array(PAGE);
    other.read(into, 0);
    expect(into).toEqual(page(9));
  });

  it("leaves nothing behind when it can't give the file its size", () => {
    const fs = new MemoryFileSystem();
    fs.failNext("write", 1, "EFBIG");
    expect(() => LocalCopy.create({ fs, path: "/copy", pageSize: PAGE, pages: 1, viewId: 1 })).toThrowError(
      expect.objectContaining({ code: "HYDRATION_FAILED" }),
    );
    expect(fs.stat("/copy")).toBeUndefined();
  });

  it("reads what was written, in whole and in part", () => {
    const { copy, reader, read } = setUp(70);
    copy.writePage(33, page(1).fill(7, 24, 40));
    expect(read(33)).toBe(-1);
    copy.writeRun(63, new Uint8Array(3 * PAGE).fill(5));
    expect([62, 63, 64, 65, 66].map(read)).toEqual([undefined, 5, 5, 5, undefined]);
    const part = new Uint8Array(16);
    expect(reader.read(33, part, 24)).toBe(true);
    expect(part).toEqual(new Uint8Array(16).fill(7));
    expect(copy.pages).toBe(4);
  });

  it("clears the bits of pages whose write failed, also where they were there before", () => {
    const { fs, copy, read } = setUp(4);
    copy.writePage(2, page(1));
    fs.failNext("write");
    expect(() => copy.writeRun(1, new Uint8Array(3 * PAGE))).toThrowError(expect.objectContaining({ code: "ENOSPC" }));
    expect([1, 2, 3].map(read)).toEqual([undefined, undefined, undefined]);
    expect(copy.pages).toBe(0);
    copy.writeRun(1, new Uint8Array(3 * PAGE).fill(4));
    expect([1, 2, 3].map(read)).toEqual([4, 4, 4]);
  });

  it("shrinks and grows without showing old bytes", () => {
    const { fs, copy, read } = setUp(100);
    for (let pgno = 1; pgno <= 100; pgno += 1) copy.writePage(pgno, page(1));
    copy.resize(50);
    expect(copy.pages).toBe(50);
    expect(fs.stat("/copy")?.size).toBe(50 * PAGE);
    copy.resize(100);
    expect([50, 51, 60, 100].map(read)).toEqual([1, undefined, undefined, undefined]);
    copy.writeZeros(60);
    expect(read(60)).toBe(0);
    copy.writeZeros(50); // page 50 was written before, so this one must reach the file
    expect(read(50)).toBe(0);
  });

  it("grows the bitmap under a reader that opened before", () => {
    const { copy, read } = setUp(1);
    copy.resize(200_000);
    expect(read(200_000)).toBeUndefined();
    copy.writePage(200_000, page(3));
    expect(read(200_000)).toBe(3);
  });

  it("gives the file up on a short read, and never fills in zeros", () => {
    const { fs, copy, read } = setUp(10);
    copy.writePage(2, page(1));
    copy.writePage(9, page(2));
    fs.open("/copy", "r+").truncate(5 * PAGE);
    expect(read(2)).toBe(1);
    expect(read(9)).toBeUndefined();
    expect(copy.usable).toBe(false);
    expect(read(2)).toBeUndefined();
  });

  it("refuses pages outside of the database and bytes that are no whole pages", () => {
    const { copy } = setUp(10);
    expect(() => copy.writePage(11, page(1))).toThrowError(RangeError);
    expect(() => copy.writePage(0, page(1))).toThrowError(RangeError);
    expect(() => copy.writePage(1, new Uint8Array(PAGE - 1))).toThrowError(RangeError);
    expect(copy.pages).toBe(0);
  });

  it("is gone after close, and no reader uses it again", () => {
    const { fs, copy, read } = setUp(3);
    copy.writePage(1, page(1));
    copy.close({ remove: true });
    copy.close({ remove: true });
    expect(fs.stat("/copy")).toBeUndefined();
    expect(read(1)).toBeUndefined();
  });

  it("agrees with a model under random writes, clears, shrinking and growing", () => {
    const random = new SeededRandom(testSeed("local copy"));
    const rounds = 20 * Number(process.env["HEADWATER_ROUNDS"] ?? 1);
    for (let round = 0; round < rounds; round += 1) {
      const { copy, read, fs } = setUp(random.below(70) + 1);
      const model = new Map<number, number>();
      for (let step = 0; step < 60; step += 1) {
        const size = copy.pageCount;
        const pgno = random.below(Math.max(1, size)) + 1;
        const action = random.below(5);
        if (action === 0) {
          const to = random.below(100);
          copy.resize(to);
          for (const p of [...model.keys()]) if (p > to) model.delete(p);
        } else if (size === 0) continue;
        else if (action === 1) {
          copy.clear(pgno);
          model.delete(pgno);
        } else if (action === 2) {
          copy.writeZeros(pgno);
          model.set(pgno, 0);
        } else {
          const count = Math.min(random.below(4) + 1, size - pgno + 1);
          const value = random.below(255) + 1;
          copy.writeRun(pgno, new Uint8Array(count * PAGE).fill(value));
          for (let i = 0; i < count; i += 1) model.set(pgno + i, value);
        }
        const all = Array.from({ length: 100 }, (_, i) => i + 1);
        expect(all.map(read)).toEqual(all.map((p) => model.get(p)));
        expect(copy.pages).toBe(model.size);
        expect(fs.stat("/copy")?.size).toBe(copy.pageCount * PAGE);
      }
    }
  });
});
