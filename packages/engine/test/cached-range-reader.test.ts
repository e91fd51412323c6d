import { ManualRuntime, MemoryFileSystem } from "@headwater/core/testing";
import { crc64 } from "@headwater/ltx";
import { DiskTier } from "@headwater/page-cache";
import { listReplica, openView, PageReader, planRestore, type RangeReader, storeRangeReader, type View } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { CachedRangeReader } from "../src/cached-range-reader.js";
import { put, versionIn } from "./support/replica.js";
import { World } from "./support/world.js";

const COMMIT = 2000;

async function viewOf(world: World): Promise<View> {
  await put(world, { min: 1, level: 9, commit: COMMIT });
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  return (await openView(world.store, world.layout, plan)).view;
}

/** Reads the store, counts, and damages what it reads while told to. */
class Source implements RangeReader {
  reads = 0;
  damaging = false;
  readonly #inner: RangeReader;
  constructor(world: World) {
    this.#inner = storeRangeReader(world.store);
  }
  async read(...args: Parameters<RangeReader["read"]>): Promise<Uint8Array> {
    this.reads += 1;
    const bytes = await this.#inner.read(...args);
    return this.damaging ? bytes.map((byte) => byte ^ 0x55) : bytes;
  }
}

const tierOn = (fs: MemoryFileSystem): Promise<DiskTier> =>
  DiskTier.open({ fs, runtime: new ManualRuntime(), path: "/cache", maxBytes: 4 << 20, store: "s3:aws/bucket/app", checksum: crc64 });

describe("CachedRangeReader", () => {
  it("lets a range that came damaged from the store spoil nothing, in this process or the next", async () => {
    const world = new World();
    const view = await viewOf(world);
    const source = new Source(world);
    const fs = new MemoryFileSystem();
    const first = await tierOn(fs);
    source.damaging = true;
    const reader = new PageReader({ reader: new CachedRangeReader(source, Promise.resolve(first)) });
    // Twice damaged: the error goes to whoever asked.
    await expect(reader.readPages(view, [500])).rejects.toMatchObject({ code: "LTX_CORRUPT" });
    expect(source.reads).toBe(2);
    await first.written();
    source.damaging = false;
    // The disk has the damaged bytes; the store is asked once more.
    expect(versionIn((await reader.readPages(view, [500])).get(500))).toEqual({ pgno: 500, version: 1 });
    expect(source.reads).toBe(3);
    await first.close();
    const second = await tierOn(fs);
    const again = new PageReader({ reader: new CachedRangeReader(source, Promise.resolve(second)) });
    expect(versionIn((await again.readPages(view, [500])).get(500))).toEqual({ pgno: 500, version: 1 });
    expect(source.reads).toBe(3);
    await second.close();
  });

  it("gives any part of what was read, and refuses ranges outside of the file as the store's reader does", async () => {
    const world = new World();
    const view = await viewOf(world);
    const [file] = view.files;
    if (file === undefined) throw new Error("no file");
    const source = new Source(world);
    const tier = await tierOn(new MemoryFileSystem());
    const reader = new CachedRangeReader(source, Promise.resolve(tier));
    const whole = await storeRangeReader(world.store).read(file, 0, file.size);
    await reader.read(file, 1000, 90_000);
    await reader.read(file, 90_000, 95_000);
    await tier.written();
    source.reads = 0;
    for (const [start, end] of [
      [1000, 95_000],
      [89_999, 90_001],
      [50_000, 50_001],
    ] as const) {
      expect(Buffer.compare(await reader.read(file, start, end), whole.subarray(start, end))).toBe(0);
    }
    expect(source.reads).toBe(0);
    for (const [start, end] of [
      [5, 5],
      [0, file.size + 1],
      [0.5, 5],
      [0, Number.NaN],
    ] as const) {
      await expect(reader.read(file, start, end)).rejects.toThrow(RangeError);
    }
    await tier.close();
  });

  it("stops waiting for the tier when its caller does, and fails with its error where it can't be opened", async () => {
    const world = new World();
    const [file] = (await viewOf(world)).files;
    if (file === undefined) throw new Error("no file");
    const aborted = new AbortController();
    const waiting = new CachedRangeReader(new Source(world), new Promise(() => undefined)).read(file, 0, 10, { signal: aborted.signal });
    aborted.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    const broken = Promise.reject(new Error("no disk"));
    await expect(new CachedRangeReader(new Source(world), broken).read(file, 0, 10)).rejects.toThrow("no disk");
  });
});
