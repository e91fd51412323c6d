import type { GetOptions, GetResult } from "@headwater/object-store";
import type { HookedObjectStore } from "@headwater/object-store/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine, EngineConfig } from "../src/index.js";
import { put, range, removeLevelZero, versionIn } from "./support/replica.js";
import { World } from "./support/world.js";

const COMMIT = 3000; // 1.6 MB: pages far apart are requests of their own.

/** A world whose store's answers can be changed on their way. */
class TamperedWorld extends World {
  tamper: (result: GetResult, key: string, options: GetOptions) => GetResult = (result) => result;
  gets = 0;
  lists = 0;

  override hooked(): HookedObjectStore {
    const store = super.hooked();
    const get = store.get.bind(store);
    store.get = async (key, options = {}) => {
      this.gets += 1;
      return this.tamper(await get(key, options), key, options);
    };
    const list = store.list.bind(store);
    store.list = (prefix, options) => {
      this.lists += 1;
      return list(prefix, options);
    };
    return store;
  }
}

let world: TamperedWorld;
let engine: Engine;

// Each with a disk cache too: what is wrong must not be found there either.
const configs: [string, Partial<EngineConfig>][] = [
  ["", { write: false, create: false }],
  [", with a disk cache", { write: false, create: false, diskCache: { path: "/cache", maxBytes: 8 << 20 } }],
];

const versionAt = async (pgno: number): Promise<number | undefined> => {
  const { pages } = await engine.read(engine.opened.viewId, pgno);
  const found = versionIn(pages.get(pgno));
  expect(found?.pgno).toBe(pgno);
  return found?.version;
};
/** What versions a page may have in the state that the reader has. */
const expected = (pgno: number): number => (pgno === 2000 ? 2 : pgno === 2500 ? 3 : 1);

async function close(): Promise<void> {
  await engine.close();
  await engine.release();
}

/** What the replica holds after a compaction: one file instead of three. */
async function compact(timestampMs?: number): Promise<void> {
  const versions = new Map(range(1, COMMIT).map((pgno) => [pgno, expected(pgno)]));
  await put(world, { min: 1, max: 3, level: 9, commit: COMMIT, pages: versions, ...(timestampMs === undefined ? {} : { timestampMs }) });
  await world.store.delete(world.layout.key(9, 1n as never, 1n as never));
  await removeLevelZero(world, 2, 3);
}

describe.each(configs)("an engine on a bad day%s", (_which, config) => {
  beforeEach(async () => {
    world = new TamperedWorld();
    await put(world, { min: 1, level: 9, commit: COMMIT });
    await put(world, { min: 2, commit: COMMIT, pages: [2000] });
    await put(world, { min: 3, commit: COMMIT, pages: [2500] });
    engine = await world.open(config);
  });
  afterEach(close);

  const wrong: [string, (result: GetResult, key: string, options: GetOptions) => GetResult, string][] = [
    ["a short answer", (r) => ({ ...r, body: r.body.subarray(1) }), "STORE_UNAVAILABLE"],
    ["a long answer", (r) => ({ ...r, body: new Uint8Array(r.body.byteLength + 1) }), "STORE_UNAVAILABLE"],
    ["another range", (r) => ({ ...r, start: r.start + 1 }), "STORE_UNAVAILABLE"],
    ["another range of the right length under the right name", (r) => ({ ...r, body: r.body.slice().reverse() }), "LTX_CORRUPT"],
    ["noise", (r) => ({ ...r, body: r.body.map((byte) => byte ^ 0x5a) }), "LTX_CORRUPT"],
    ["another object's ETag", (r) => ({ ...r, etag: '"other"' as typeof r.etag }), "REPLICA_FILE_GONE"],
    ["another object's size", (r) => ({ ...r, size: r.size + 1 }), "REPLICA_FILE_GONE"],
  ];

  it.each(wrong)("%s is never taken for a page: a typed error, and the next read is right", async (_what, tamper, code) => {
    world.tamper = tamper;
    const before = world.gets;
    await expect(engine.read(engine.opened.viewId, 1500)).rejects.toMatchObject({ code, isHeadwaterError: true });
    expect(world.gets - before).toBeLessThanOrEqual(20);
    world.tamper = (result) => result;
    expect(await versionAt(1500)).toBe(1);
    expect(await versionAt(1000)).toBe(1);
    // Nor in the next process.
    await close();
    engine = await world.open(config);
    expect(await versionAt(1500)).toBe(1);
  });

  it.each(wrong.slice(3))("%s once is asked for again, and the right page comes", async (_what, tamper) => {
    let left = 1;
    world.tamper = (result, key, options) => {
      left -= 1;
      return left >= 0 ? tamper(result, key, options) : result;
    };
    expect(await versionAt(1500)).toBe(1);
    expect(left).toBeLessThan(0);
  });

  it("files that retention deleted between plan and read are planned anew, and the snapshot holds", async () => {
    await compact();
    const lists = world.lists;
    for (const pgno of [1500, 2000, 2500, 700]) expect(await versionAt(pgno)).toBe(expected(pgno));
    expect(world.lists - lists).toBeLessThanOrEqual(1);
    expect(engine.opened.txid).toBe(3n);
  });

  it("a state that is really gone fails by name, after a bounded number of tries, and the newest can be read", async () => {
    await put(world, { min: 4, commit: COMMIT, pages: [10] });
    const versions = new Map(range(1, COMMIT).map((pgno) => [pgno, pgno === 10 ? 4 : expected(pgno)]));
    await put(world, { min: 1, max: 4, level: 9, commit: COMMIT, pages: versions });
    await world.store.delete(world.layout.key(9, 1n as never, 1n as never));
    await removeLevelZero(world, 2, 3, 4);
    const [gets, lists] = [world.gets, world.lists];
    await expect(engine.read(engine.opened.viewId, 1500)).rejects.toMatchObject({
      code: "REPLICA_FILE_GONE",
      message: expect.stringContaining("0000000000000001"),
    });
    expect([world.gets - gets, world.lists - lists]).toEqual([1, 1]);
    // No retention is so quick: the transaction is at no level that a frequent poll looks at.
    world.runtime.jump(10 * 60_000);
    expect(await engine.refresh()).toBe(4n);
    const { viewId } = engine.adoptNewest(engine.opened.viewId);
    const { pages } = await engine.read(viewId, 1500);
    expect(versionIn(pages.get(1500))).toEqual({ pgno: 1500, version: 1 });
  });

  it("files that keep vanishing while they are planned anew are given up", async () => {
    world.hooks = {
      after: async ({ kind }) => {
        // Whatever was just listed is put again, under another ETag.
        if (kind !== "list") return;
        for await (const { objects } of world.store.list("")) {
          for (const { key } of objects) await world.store.put(key, (await world.store.get(key)).body);
        }
      },
    };
    await world.store.put(world.layout.key(9, 1n as never, 1n as never), new Uint8Array(100));
    const lists = world.lists;
    await expect(engine.read(engine.opened.viewId, 1500)).rejects.toMatchObject({ code: "REPLICA_FILE_GONE" });
    expect(world.lists - lists).toBeLessThanOrEqual(3);
  });

  it("a replica that was put again, byte for byte, is planned anew and read on", async () => {
    for await (const { objects } of world.store.list("")) {
      for (const { key } of objects) await world.store.put(key, (await world.store.get(key)).body);
    }
    for (const pgno of [1500, 2000, 2500]) expect(await versionAt(pgno)).toBe(expected(pgno));
  });

  it("another database under the same keys is refused, not mixed in", async () => {
    for (const [level, min] of [
      [9, 1],
      [0, 2],
      [0, 3],
    ] as const) {
      await world.store.delete(world.layout.key(level, BigInt(min) as never, BigInt(min) as never));
      const pages = new Map(range(1, COMMIT).map((pgno) => [pgno, 100 + min]));
      await put(world, { min, level, commit: COMMIT, pages, timestampMs: 1_800_000_000_000 + min });
    }
    for (const pgno of [1500, 2000]) {
      await expect(engine.read(engine.opened.viewId, pgno)).rejects.toMatchObject({
        code: "REPLICA_FILE_GONE",
        message: expect.stringContaining("another"),
      });
    }
    await expect(engine.refresh()).rejects.toMatchObject({ code: "STALE" });
    await close();
    engine = await world.open(config);
    expect([await versionAt(1500), await versionAt(2000)]).toEqual([103, 103]);
  });
});
