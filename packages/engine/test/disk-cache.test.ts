import { MemoryFileSystem } from "@headwater/core/testing";
import { listReplica, openView, planRestore } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import type { Engine, EngineConfig } from "../src/index.js";
import { pagesOf, put, range, removeLevelZero, versionIn, versionOf } from "./support/replica.js";
import { World } from "./support/world.js";

const MIB = 1024 * 1024;
const COMMIT = 3000; // A snapshot of 1.6 MB: its tail and its head are apart.
const reader: Partial<EngineConfig> = { write: false, create: false, diskCache: { path: "/cache", maxBytes: 8 * MIB } };

/** A snapshot, and two transactions that changed a few pages. */
async function replica(world: World): Promise<World> {
  await put(world, { min: 1, level: 9, commit: COMMIT });
  await put(world, { min: 2, commit: COMMIT, pages: [5, 1000] });
  await put(world, { min: 3, commit: COMMIT, pages: [6] });
  return world;
}

/** A snapshot whose pages all have one version, or each its own. */
function putVersion(world: World, version: number | ReadonlyMap<number, number>): Promise<string> {
  const pages = typeof version === "number" ? new Map(range(1, COMMIT).map((pgno) => [pgno, version])) : version;
  return put(world, { min: 1, max: 9, level: 9, commit: COMMIT, pages });
}

/** What each page takes in a file, in bytes, by page number. */
async function frameSizes(version: number): Promise<(number | undefined)[]> {
  const world = new World();
  await putVersion(world, version);
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  const { view } = await openView(world.store, world.layout, plan);
  return range(0, COMMIT).map((pgno) => view.lookup(pgno)?.size);
}

/** Counts the requests of everything that is opened in the world from now on. */
function counted(world: World): { list: number; get: number; put: number; head: number; delete: number } {
  const counts = { list: 0, get: 0, put: 0, head: 0, delete: 0 };
  world.hooks = {
    before: ({ kind }) => {
      counts[kind] += 1;
    },
  };
  return counts;
}

/** A few point reads and the start of a scan. */
const QUERY = [1, 1000, 2500, 7, ...range(1500, 1540)];

/** The versions of the pages of a query, each read on its own. */
async function versions(engine: Engine, pgnos: readonly number[] = QUERY): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  const at = new Map(engine.opened.pages);
  for (const pgno of pgnos) {
    if (!at.has(pgno)) for (const [n, page] of pagesOf(await engine.read(engine.opened.viewId, pgno))) at.set(n, page);
    const version = versionIn(at.get(pgno));
    expect(version?.pgno).toBe(pgno);
    found.push(version?.version);
  }
  return found;
}

async function close(engine: Engine): Promise<void> {
  await engine.close();
  await engine.release();
}

/** Opens, runs the query, closes. */
async function run(world: World, config: Partial<EngineConfig> = reader): Promise<(number | undefined)[]> {
  world.runtime.jump(1000);
  const engine = await world.open(config);
  const found = await versions(engine);
  await close(engine);
  return found;
}

const expected = QUERY.map((pgno) => (pgno === 1000 || pgno === 5 ? 2 : pgno === 6 ? 3 : 1));

describe("a disk cache", () => {
  it("makes a second open and the same query cost listings only", async () => {
    const world = await replica(new World());
    const cold = counted(world);
    expect(await run(world)).toEqual(expected);
    expect(cold.get).toBeGreaterThan(4);
    const warm = counted(world);
    expect(await run(world)).toEqual(expected);
    expect(warm).toEqual({ ...cold, get: 0 });
    expect(warm.list).toBeLessThanOrEqual(1);
  });

  it("reports ranges found and not found, and what is on the disk", async () => {
    const world = await replica(new World());
    const first = await world.open(reader);
    await first.read(first.opened.viewId, 1000);
    await close(first);
    const engine = await world.open(reader);
    const statistics = (): number[] => (["diskHits", "diskMisses", "diskBytes"] as const).map((name) => engine.shared.statistic(name));
    const [hits = 0, misses, bytes = 0] = statistics();
    expect([hits, misses]).toEqual([4, 0]);
    expect(bytes).toBeGreaterThan(100_000);
    await engine.read(engine.opened.viewId, 2500);
    engine.answered();
    await close(engine);
    expect(statistics()[0]).toBe(hits);
    expect(statistics()[1]).toBe(1);
    expect(statistics()[2]).toBeGreaterThan(bytes);
  });

  it("asks for what is new only, where the replica has gone on", async () => {
    const world = await replica(new World());
    await run(world);
    await put(world, { min: 4, commit: COMMIT, pages: [7] });
    const warm = counted(world);
    expect(await run(world)).toEqual(expected.map((version, i) => (QUERY[i] === 7 ? 4 : version)));
    expect(warm.get).toBe(1);
  });

  it("holds a reader's snapshot when its files are deleted behind it", async () => {
    const world = await replica(new World());
    await run(world);
    const engine = await world.open(reader);
    await world.store.delete(world.layout.key(9, 1n as never, 1n as never));
    await removeLevelZero(world, 2, 3);
    const warm = counted(world);
    expect(await versions(engine)).toEqual(expected);
    expect(warm).toEqual({ list: 0, get: 0, put: 0, head: 0, delete: 0 });
    await close(engine);
  });

  it("never mixes two databases that have the same keys, ETags and sizes in different buckets or behind different endpoints", async () => {
    const fs = new MemoryFileSystem();
    // Only what the pages hold differs: where a page takes as many bytes in version 7 as in 9, the second one has 7.
    const [sizes7, sizes9] = [await frameSizes(7), await frameSizes(9)];
    const versionsOfTwo = new Map(range(1, COMMIT).map((pgno) => [pgno, sizes7[pgno] === sizes9[pgno] ? 7 : 9]));
    const expectedOfTwo = QUERY.map((pgno) => versionsOfTwo.get(pgno));
    expect(expectedOfTwo.filter((version) => version === 7).length).toBeGreaterThan(QUERY.length / 2);
    const [one, two] = [new World(fs), new World(fs)];
    const keys = [await putVersion(one, 9), await putVersion(two, versionsOfTwo)];
    const [first, second] = await Promise.all([one, two].map(({ store }, i) => store.head(keys[i] ?? "")));
    expect(first).toEqual({ ...second, dateMs: first?.dateMs });
    const open = (world: World, identity: string): Promise<(number | undefined)[]> => run(world, { ...reader, identity });
    for (let round = 0; round < 2; round += 1) {
      expect(new Set(await open(one, "s3:aws/one/app"))).toEqual(new Set([9]));
      expect(await open(two, "s3:aws/two/app")).toEqual(expectedOfTwo);
      expect(await open(two, "s3:http://127.0.0.1:9000/one/app")).toEqual(expectedOfTwo);
    }
    const warm = counted(one);
    await open(one, "s3:aws/one/app");
    expect(warm.get).toBe(0);
  });

  it("never mixes a replica with the one that had its keys before", async () => {
    const world = await replica(new World());
    await run(world);
    for (const file of [world.layout.key(9, 1n as never, 1n as never)]) await world.store.delete(file);
    await removeLevelZero(world, 2, 3);
    await put(world, { min: 1, level: 9, commit: COMMIT, pages: new Map(range(1, COMMIT).map((n) => [n, 11])) });
    await put(world, {
      min: 2,
      commit: COMMIT,
      pages: new Map([
        [5, 12],
        [1000, 12],
      ]),
    });
    await put(world, { min: 3, commit: COMMIT, pages: new Map([[6, 13]]) });
    for (let round = 0; round < 2; round += 1) {
      expect(await run(world)).toEqual(QUERY.map((pgno) => (pgno === 1000 ? 12 : 11)));
    }
  });

  it("answers from the store where the disk lies", async () => {
    const world = await replica(new World());
    await run(world);
    const [folder = ""] = world.fs.list("/cache");
    const data = world.fs.list(`/cache/${folder}`).filter((name) => name.endsWith(".data"));
    for (const name of data) {
      const handle = world.fs.open(`/cache/${folder}/${name}`, "r+");
      const bytes = new Uint8Array(handle.size());
      handle.read(bytes, 0);
      handle.write(
        bytes.map((byte, i) => (i % 5000 === 0 ? byte ^ 0x10 : byte)),
        0,
      );
      handle.close();
    }
    const damaged = counted(world);
    expect(await run(world)).toEqual(expected);
    expect(damaged.get).toBeGreaterThan(4);
    const mended = counted(world);
    expect(await run(world)).toEqual(expected);
    expect(mended.get).toBe(0);
  });

  it("refuses to open where its folder can't be made, and lets everything go", async () => {
    const world = await replica(new World());
    world.fs.open("/file", "w+").close();
    const config = { diskCache: { path: "/file/cache", maxBytes: 8 * MIB } };
    for (const write of [true, false]) {
      await expect(world.open({ ...config, write })).rejects.toMatchObject({
        code: "CACHE_UNWRITABLE",
        message: expect.stringContaining("/file/cache"),
        cause: expect.objectContaining({ code: "EEXIST" }),
      });
    }
    // For a database that is to be made nothing would have been read.
    await expect(new World(world.fs).open(config)).rejects.toMatchObject({ code: "CACHE_UNWRITABLE" });
    const engine = await world.open({ diskCache: { path: "/cache", maxBytes: 8 * MIB } });
    await close(engine);
  });

  it("goes on without writing when the disk is full, after one warning", async () => {
    const world = await replica(new World());
    world.fs.failNext("write", 3);
    expect(await run(world)).toEqual(expected);
    expect(world.events("warning")).toEqual([expect.objectContaining({ code: "CACHE_UNWRITABLE" })]);
    expect(await run(world)).toEqual(expected);
    expect(world.events("warning")).toHaveLength(1);
  });

  it("writes nothing before the first statement has its answer, and then without being asked", async () => {
    const world = await replica(new World());
    const engine = await world.open(reader);
    const files = (): string[] => world.fs.list("/cache").flatMap((dir) => world.fs.list(`/cache/${dir}`));
    for (let n = 0; n < 20; n += 1) await world.runtime.timers.turn();
    expect(files()).toEqual([]);
    engine.answered();
    for (let n = 0; n < 20; n += 1) await world.runtime.timers.turn();
    expect(files()).toHaveLength(2);
    await close(engine);
  });

  it("keeps what a follower reads", async () => {
    const world = await replica(new World());
    const first = await world.open({ ...reader, pollIntervalMs: 0 });
    await put(world, { min: 4, commit: COMMIT, pages: [9] });
    expect(await first.refresh()).toBe(4n);
    await close(first);
    const warm = counted(world);
    const second = await world.open(reader);
    expect(warm.get).toBe(0);
    expect(second.opened.txid).toBe(4n);
    expect(second.opened.pages.get(9)).toEqual(versionOf(9, 4));
    await close(second);
  });
});
