import type { FileSystem, OpenMode } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import type { DiskTier } from "../src/index.js";
import { contentOf, Disk, MIB, PATH } from "./support/disk.js";

const put = (tier: DiskTier, file: string, start: number, end: number): void => tier.put(file, start, contentOf(file).subarray(start, end));
/** What is read, which must be right where there is anything. */
async function has(tier: DiskTier, file: string, start: number, end: number): Promise<boolean> {
  const bytes = await tier.read(file, start, end);
  if (bytes !== undefined) expect(Buffer.compare(bytes, contentOf(file).subarray(start, end)), `${file} ${start}..${end}`).toBe(0);
  return bytes !== undefined;
}

describe("DiskTier", () => {
  it("gives back what was put, and every part of it, now and after a restart", async () => {
    const disk = new Disk();
    const tier = await disk.tier();
    put(tier, "a", 100, 300_000);
    put(tier, "a", 500_000, 500_001);
    await tier.written();
    const parts: [number, number, boolean][] = [
      [100, 300_000, true],
      [100, 101, true],
      [299_999, 300_000, true],
      [32_868, 32_869, true],
      [100_000, 200_000, true],
      [500_000, 500_001, true],
      [99, 101, false],
      [299_999, 300_001, false],
      [100, 500_001, false],
      [400_000, 400_001, false],
    ];
    for (const [start, end, expected] of parts) expect(await has(tier, "a", start, end)).toBe(expected);
    expect([tier.hits, tier.misses]).toEqual([6, 4]);
    expect(await has(tier, "b", 100, 101)).toBe(false);
    await tier.close();
    expect(await tier.read("a", 100, 101)).toBeUndefined();
    const again = await disk.tier();
    for (const [start, end, expected] of parts) expect(await has(again, "a", start, end)).toBe(expected);
    expect(again.bytes).toBe(disk.bytes());
  });

  it("joins neighbouring ranges, and writes no byte twice", async () => {
    const disk = new Disk();
    const tier = await disk.tier();
    put(tier, "a", 100_000, 200_000);
    put(tier, "a", 0, 100_000);
    put(tier, "a", 150_000, 250_000);
    put(tier, "a", 0, 250_000);
    await tier.written();
    expect(await has(tier, "a", 0, 250_000)).toBe(true);
    const data = disk.names().filter((name) => name.endsWith(".data"));
    expect(data.map((name) => disk.fs.stat(name)?.size)).toEqual([250_000]);
  });

  it("makes nothing before there is something to keep, and then files that only the user may read", async () => {
    const disk = new Disk();
    const modes: (number | undefined)[] = [];
    const fs = Object.create(disk.fs, {
      open: {
        value: (path: string, mode: OpenMode, permissions?: number) => {
          if (mode !== "r") modes.push(permissions);
          return disk.fs.open(path, mode);
        },
      },
      mkdir: {
        value: (dir: string, permissions?: number) => {
          modes.push(permissions);
          disk.fs.mkdir(dir);
        },
      },
    }) as FileSystem;
    for (const method of ["stat", "list", "join", "remove"] as const)
      Object.defineProperty(fs, method, { value: disk.fs[method].bind(disk.fs) });
    const tier = await disk.tier({ fs });
    expect(disk.names()).toEqual([]);
    put(tier, "a", 0, 10);
    await tier.written();
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });

  it("never mixes two stores under one path, whose files have the same identity otherwise", async () => {
    const disk = new Disk();
    const [one, two] = [await disk.tier({ store: "s3:aws/one/app" }), await disk.tier({ store: "s3:aws/two/app" })];
    put(one, "a", 0, 1000);
    await one.close();
    expect(await two.read("a", 0, 1000)).toBeUndefined();
    for (const store of ["s3:aws/two/app", "s3:http://127.0.0.1:9000/one/app", ""]) {
      expect(await (await disk.tier({ store })).read("a", 0, 1000)).toBeUndefined();
    }
    expect(await has(await disk.tier({ store: "s3:aws/one/app" }), "a", 0, 1000)).toBe(true);
  });

  it("tells stores apart by their full names, should the digests in the folders' names be equal", async () => {
    const disk = new Disk();
    const { crc64 } = await import("@headwater/ltx");
    // A digest that sees nothing of a short text: all stores have the same folder.
    const checksum = (bytes: Uint8Array): bigint => (bytes.byteLength < 40 ? 7n : crc64(bytes));
    const one = await disk.tier({ store: "one", checksum });
    put(one, "a", 0, 1000);
    await one.close();
    expect(disk.fs.list(PATH)).toHaveLength(1);
    expect(await (await disk.tier({ store: "two", checksum })).read("a", 0, 1000)).toBeUndefined();
    expect(await has(await disk.tier({ store: "one", checksum }), "a", 0, 1000)).toBe(true);
  });

  it("forgets a file when told to, what waits to be written included", async () => {
    const disk = new Disk();
    const tier = await disk.tier();
    put(tier, "a", 0, 1000);
    put(tier, "b", 0, 1000);
    await tier.written();
    put(tier, "a", 2000, 3000);
    tier.forget("a");
    await tier.written();
    expect([await has(tier, "a", 0, 1000), await has(tier, "a", 2000, 3000), await has(tier, "b", 0, 1000)]).toEqual([false, false, true]);
  });

  it("takes what was put last, where there are two for the same bytes, also after a restart", async () => {
    const disk = new Disk();
    const first = await disk.tier();
    for (const round of [1, 2]) {
      first.put("a", 0, new Uint8Array(1000).fill(round));
      await first.written();
      first.forget("a");
    }
    await first.close();
    const second = await disk.tier();
    expect((await second.read("a", 0, 1000))?.[500]).toBe(2);
    second.forget("a");
    second.put("a", 500, new Uint8Array(1000).fill(3));
    disk.runtime.jump(1);
    await second.close();
    const third = await disk.tier();
    expect((await third.read("a", 500, 1500))?.[0]).toBe(3);
  });

  it("waits with writing until nobody wants the thread, but not when it is closed", async () => {
    const disk = new Disk();
    const tier = await disk.tier({ whenIdle: () => new Promise(() => undefined) });
    put(tier, "a", 0, 1000);
    await disk.runtime.timers.turn();
    await disk.runtime.timers.turn();
    expect(disk.names()).toEqual([]);
    await tier.close();
    expect(await has(await disk.tier(), "a", 0, 1000)).toBe(true);
  });

  it("drops what comes faster than it can be written", async () => {
    const disk = new Disk();
    const tier = await disk.tier({ maxBytes: 64 * MIB });
    for (let n = 0; n < 20; n += 1) put(tier, `f${n}`, 0, MIB);
    await tier.written();
    const kept = [];
    for (let n = 0; n < 20; n += 1) if (await has(tier, `f${n}`, 0, MIB)) kept.push(n);
    expect(kept).toEqual(Array.from({ length: 16 }, (_, n) => n));
  });
});

describe("DiskTier: bounds", () => {
  it("never holds more than it may, and keeps what was read since", async () => {
    const disk = new Disk();
    const maxBytes = 2 * MIB;
    const tier = await disk.tier({ maxBytes });
    put(tier, "hot", 0, 100_000);
    for (let n = 0; n < 200; n += 1) {
      put(tier, `cold${n}`, 0, 50_000);
      await tier.written();
      expect(disk.bytes()).toBeLessThanOrEqual(maxBytes);
      expect(await has(tier, "hot", 0, 100_000), `after ${n}`).toBe(true);
    }
    expect(tier.bytes).toBe(disk.bytes());
    expect(await has(tier, "cold0", 0, 50_000)).toBe(false);
    expect(await has(tier, "cold199", 0, 50_000)).toBe(true);
    await tier.close();
    const again = await disk.tier({ maxBytes });
    expect(await has(again, "hot", 0, 100_000)).toBe(true);
    expect(again.bytes).toBeLessThanOrEqual(maxBytes);
  });

  it("shrinks to a bound that was lowered as soon as it writes", async () => {
    const disk = new Disk();
    const first = await disk.tier({ maxBytes: 8 * MIB });
    for (let n = 0; n < 6; n += 1) put(first, `f${n}`, 0, MIB);
    await first.close();
    expect(disk.bytes()).toBeGreaterThan(6 * MIB);
    const second = await disk.tier({ maxBytes: MIB });
    put(second, "g", 0, 1000);
    await second.close();
    expect(disk.bytes()).toBeLessThanOrEqual(MIB);
  });

  it("counts what other databases have under the same path, and makes room among all, oldest first", async () => {
    const disk = new Disk();
    const maxBytes = 2 * MIB;
    const one = await disk.tier({ maxBytes, store: "one" });
    put(one, "a", 0, MIB);
    await one.written();
    disk.runtime.jump(1000);
    const two = await disk.tier({ maxBytes, store: "two" });
    for (let n = 0; n < 30; n += 1) {
      put(two, `b${n}`, 0, 100_000);
      await two.written();
      expect(disk.bytes()).toBeLessThanOrEqual(maxBytes);
    }
    expect(await has(one, "a", 0, MIB)).toBe(false);
    expect(await has(two, "b29", 0, 100_000)).toBe(true);
    // The first one goes on, in a segment of its own again.
    put(one, "c", 0, 1000);
    await one.close();
    expect(await has(await disk.tier({ maxBytes, store: "one" }), "c", 0, 1000)).toBe(true);
  });

  it("is exceeded by what one other process writes meanwhile, a segment at most", async () => {
    const disk = new Disk();
    const maxBytes = 2 * MIB;
    const [one, two] = [await disk.tier({ maxBytes, store: "one" }), await disk.tier({ maxBytes, store: "two" })];
    for (let n = 0; n < 60; n += 1) {
      for (const tier of [one, two]) {
        put(tier, `f${n}`, 0, 40_000);
        await tier.written();
        expect(disk.bytes()).toBeLessThanOrEqual(maxBytes + maxBytes / 16);
      }
    }
    expect(await has(one, "f59", 0, 40_000)).toBe(true);
    expect(await has(two, "f59", 0, 40_000)).toBe(true);
  });

  it("puts the small segments of many short processes together", async () => {
    const disk = new Disk();
    for (let n = 0; n < 100; n += 1) {
      const tier = await disk.tier();
      put(tier, `f${n}`, 0, 5000);
      await tier.close();
      disk.runtime.jump(60_000);
    }
    expect(disk.names().length).toBeLessThan(2 * 50);
    const tier = await disk.tier();
    for (let n = 0; n < 100; n += 1) expect(await has(tier, `f${n}`, 0, 5000)).toBe(true);
  });

  it("leaves alone what is not its own", async () => {
    const disk = new Disk();
    disk.fs.mkdir(`${PATH}/photos`);
    const foreign = [`${PATH}/photos/cat.data`, `${PATH}/notes.txt`, `${PATH}/0123456789abcdef.data`];
    for (const name of foreign) disk.fs.open(name, "w+").write(contentOf("foreign"), 0);
    const tier = await disk.tier({ maxBytes: MIB });
    for (let n = 0; n < 40; n += 1) put(tier, `f${n}`, 0, 50_000);
    await tier.close();
    for (const name of foreign) expect(disk.fs.stat(name)?.size).toBe(MIB);
  });
});

describe("DiskTier: damage", () => {
  it("a disk that is full ends the writing, says so once, and what is there is still read", async () => {
    const disk = new Disk();
    const tier = await disk.tier();
    put(tier, "a", 0, 1000);
    await tier.written();
    disk.fs.failNext("write");
    put(tier, "b", 0, 1000);
    put(tier, "c", 0, 1000);
    await tier.written();
    put(tier, "d", 0, 1000);
    await tier.written();
    expect(disk.failures).toEqual([expect.objectContaining({ code: "ENOSPC" })]);
    expect(await has(tier, "a", 0, 1000)).toBe(true);
    for (const file of ["b", "c", "d"]) expect(await has(tier, file, 0, 1000)).toBe(false);
    await tier.close();
    // The next process tries again, and takes nothing from what was cut short.
    const again = await disk.tier();
    expect([await has(again, "a", 0, 1000), await has(again, "b", 0, 1000)]).toEqual([true, false]);
    put(again, "b", 0, 1000);
    await again.written();
    expect(await has(again, "b", 0, 1000)).toBe(true);
  });

  it("a folder that can't be made fails the open", async () => {
    const disk = new Disk();
    disk.fs.open(PATH, "w+").close();
    await expect(disk.tier()).rejects.toMatchObject({ code: "EEXIST" });
  });

  it("any flipped byte, in data or index, is a miss or changes nothing", async () => {
    const disk = new Disk();
    const random = new SeededRandom(testSeed("disk-tier"));
    const tier = await disk.tier();
    const ranges: [string, number, number][] = [
      ["a", 0, 40_000],
      ["a", 40_000, 40_100],
      ["b", 7, 2000],
    ];
    for (const range of ranges) put(tier, ...range);
    await tier.close();
    for (let round = 0; round < 300; round += 1) {
      const names = disk.names() as [string, ...string[]];
      const name = random.pick(names);
      const handle = disk.fs.open(name, "r+");
      const at = random.below(handle.size());
      const before = new Uint8Array(1);
      handle.read(before, at);
      handle.write(Uint8Array.of((before[0] ?? 0) ^ (1 << random.below(8))), at);
      const damaged = await disk.tier();
      let lost = 0;
      for (const range of ranges) if (!(await has(damaged, ...range))) lost += 1;
      expect(lost, `${name} at ${at}`).toBeGreaterThan(0);
      handle.write(before, at);
      handle.close();
    }
    const mended = await disk.tier();
    for (const range of ranges) expect(await has(mended, ...range)).toBe(true);
  });

  it("segments whose data were swapped, cut or taken away are misses", async () => {
    const disk = new Disk();
    for (const file of ["a", "b"]) {
      const tier = await disk.tier();
      put(tier, file, 0, 10_000);
      await tier.close();
    }
    const [one = "", two = ""] = disk.names().filter((name) => name.endsWith(".data"));
    disk.fs.rename(one, "/swap");
    disk.fs.rename(two, one);
    disk.fs.rename("/swap", two);
    const swapped = await disk.tier();
    expect([await has(swapped, "a", 0, 10_000), await has(swapped, "b", 0, 10_000)]).toEqual([false, false]);
    disk.fs.open(one, "r+").truncate(9999);
    disk.fs.remove(two);
    const cut = await disk.tier();
    expect([await has(cut, "a", 0, 10_000), await has(cut, "b", 0, 10_000)]).toEqual([false, false]);
    put(cut, "a", 0, 10_000);
    await cut.written();
    expect(await has(cut, "a", 0, 10_000)).toBe(true);
  });
});
