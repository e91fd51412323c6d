import { HeadwaterError } from "@headwater/core";
import { listReplica, openView, PageReader, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { ViewTable } from "../src/views.js";
import { put, range, removeLevelZero, versionIn } from "./support/replica.js";
import { Gate, until, World } from "./support/world.js";

/** Three transactions of ten pages: 2 changed page 2, and 3 changed page 3. */
async function replica(): Promise<World> {
  const world = new World();
  await put(world, { min: 1, commit: 10 });
  await put(world, { min: 2, commit: 10, pages: [2] });
  await put(world, { min: 3, commit: 10, pages: [3] });
  return world;
}

async function newest(world: World): Promise<View> {
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  return (await openView(world.store, world.layout, plan)).view;
}

/** Compacts what {@link replica} made, as far as `max`, and removes level 0. */
async function compact(world: World, max = 3): Promise<void> {
  const versions = new Map(range(1, 10).map((pgno) => [pgno, pgno === 2 || pgno === 3 ? pgno : 1]));
  await put(world, { min: 1, max, level: 1, commit: 10, pages: versions });
  await removeLevelZero(world, 1, 2, 3);
}

const gone = (): HeadwaterError => new HeadwaterError("REPLICA_FILE_GONE", "a file was deleted; key=app/ltx/0/x");

describe("ViewTable", () => {
  it("numbers views, and keeps each until nobody reads it or an older one", async () => {
    const world = await replica();
    const first = await newest(world);
    const table = new ViewTable(world.hooked(), world.layout, first);
    const [one, two] = [table.newestId, table.add(await newest(world))];
    const three = table.add(await newest(world));
    expect([one, two, three]).toEqual([1, 2, 3]);
    expect(table.get(one)).toBe(first);
    table.adopted(two);
    expect(table.find(one)).toBeUndefined();
    expect(() => table.get(one)).toThrow(expect.objectContaining({ code: "CLOSED" }));
    expect(table.get(two)).toBeDefined();
    expect(table.newest).toBe(table.get(three));
  });

  it("plans a view whose files vanished anew: the same TXID under the same number, from other files", async () => {
    const world = await replica();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    const reader = new PageReader({ reader: storeRangeReader(world.store) });
    await put(world, { min: 4, commit: 12, pages: [2, 11, 12] });
    await compact(world);

    const pages = await table.reading(1, (view) => reader.readPages(view, range(1, 10)));
    expect([...pages.values()].map((page) => versionIn(page)?.version)).toEqual([1, 2, 3, 1, 1, 1, 1, 1, 1, 1]);
    expect(table.newestId).toBe(1);
    expect(table.get(1)).toMatchObject({ txid: 3n, commit: 10 });
    expect(table.get(1).files.map((file) => file.level)).toEqual([1]);
  });

  it("plans once for all who find out at the same time, and not at all for those who come late", async () => {
    const world = await replica();
    const gate = new Gate();
    let lists = 0;
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    const seen = table.get(1);
    await compact(world);
    world.hooks = {
      before: ({ kind }) => {
        if (kind !== "list") return undefined;
        lists += 1;
        return gate.pass();
      },
    };
    const asked = range(1, 5).map(() => table.replan(1, seen));
    await until("the listing is under way", () => gate.arrived > 0);
    gate.open();
    await Promise.all(asked);
    await table.replan(1, seen);
    expect(lists).toBe(1);
  });

  it("goes on for the others when one of those who wait for a plan gives up", async () => {
    const world = await replica();
    const gate = new Gate();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    await compact(world);
    world.hooks = { before: ({ kind }) => (kind === "list" ? gate.pass() : undefined) };
    const deadline = new AbortController();
    const [first, second] = [table.replan(1, table.get(1), deadline.signal), table.replan(1, table.get(1))];
    deadline.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    gate.open();
    await second;
    expect(table.get(1).files.map((file) => file.level)).toEqual([1]);
  });

  it("gives up after three plans, with what the reader met last", async () => {
    const world = await replica();
    let lists = 0;
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "list") lists += 1;
      },
    };
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    let tries = 0;
    const error = gone();
    await expect(
      table.reading(1, async () => {
        tries += 1;
        throw error;
      }),
    ).rejects.toBe(error);
    expect([tries, lists]).toEqual([4, 3]);
  });

  it("leaves every other error alone", async () => {
    const world = await replica();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    let tries = 0;
    const error = new HeadwaterError("LTX_CORRUPT", "a frame is corrupt");
    const failing = table.reading(1, async () => {
      tries += 1;
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(tries).toBe(1);
  });

  it("says so, naming the file, where the replica no longer has the state", async () => {
    const world = await replica();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    const reader = new PageReader({ reader: storeRangeReader(world.store) });
    await put(world, { min: 4, commit: 10, pages: [4] });
    await compact(world, 4);
    await removeLevelZero(world, 4);
    await expect(table.reading(1, (view) => reader.readPages(view, [3]))).rejects.toMatchObject({
      code: "REPLICA_FILE_GONE",
      message: expect.stringContaining("app/ltx/0/0000000000000003-0000000000000003.ltx"),
    });
  });

  it("says so where the replica is empty, or another database", async () => {
    const world = await replica();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    const failing = (): Promise<never> => table.reading(1, () => Promise.reject(gone()));
    await removeLevelZero(world, 1, 2, 3);
    await expect(failing()).rejects.toMatchObject({ code: "REPLICA_FILE_GONE", message: expect.stringContaining("empty") });
    for (const min of [1, 2, 3]) await put(world, { min, commit: 7 });
    await expect(failing()).rejects.toMatchObject({ code: "REPLICA_FILE_GONE", message: expect.stringContaining("another") });
  });

  it("says so where another database has a state of the same number and size", async () => {
    const world = await replica();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    const reader = new PageReader({ reader: storeRangeReader(world.store) });
    await removeLevelZero(world, 1, 2, 3);
    for (const min of [1, 2, 3]) await put(world, { min, commit: 10, timestampMs: 1_800_000_000_000 + min });
    await expect(table.reading(1, (view) => reader.readPages(view, [3]))).rejects.toMatchObject({
      code: "REPLICA_FILE_GONE",
      message: expect.stringContaining("another"),
    });
    // Nothing of it was taken over.
    expect(table.get(1).newest?.header.timestampMs).toBe(1_700_000_000_003);
  });

  it("goes on with a snapshot of the same state that carries the time of its making, where another file proves it", async () => {
    const versions = new Map(range(1, 10).map((pgno) => [pgno, pgno === 2 || pgno === 3 ? pgno : 1]));
    for (const proof of ["the newest file as it was", "a compacted file with its timestamp", "none"]) {
      const world = await replica();
      const table = new ViewTable(world.hooked(), world.layout, await newest(world));
      const reader = new PageReader({ reader: storeRangeReader(world.store) });
      await put(world, { min: 1, max: 3, level: 9, commit: 10, pages: versions, timestampMs: 1_900_000_000_000 });
      if (proof.startsWith("a comp")) await put(world, { min: 2, max: 3, level: 1, commit: 10, pages: [2, 3] });
      await removeLevelZero(world, 1, 2, ...(proof.startsWith("the") ? [] : [3]));
      const reading = table.reading(1, (view) => reader.readPages(view, [1, 2]));
      if (proof === "none") await expect(reading, proof).rejects.toMatchObject({ code: "REPLICA_FILE_GONE" });
      else expect(versionIn((await reading).get(2)), proof).toEqual({ pgno: 2, version: 2 });
    }
  });

  it("does not bring back a view that was let go while it was planned", async () => {
    const world = await replica();
    const gate = new Gate();
    const table = new ViewTable(world.hooked(), world.layout, await newest(world));
    world.hooks = { before: ({ kind }) => (kind === "list" ? gate.pass() : undefined) };
    const planning = table.replan(1, table.get(1));
    table.adopted(table.add(await newest(world)));
    gate.open();
    await planning;
    expect(table.find(1)).toBeUndefined();
  });
});
