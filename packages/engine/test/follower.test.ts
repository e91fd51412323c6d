import { HeadwaterError } from "@headwater/core";
import { listReplica, openView, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { Follower } from "../src/follower.js";
import { put, range, removeLevelZero } from "./support/replica.js";
import { Gate, until, World } from "./support/world.js";

/** A follower of a world's replica, and what it told. */
class Followed {
  readonly world: World;
  readonly follower: Follower;
  readonly views: View[] = [];
  readonly stale: HeadwaterError[] = [];
  polls = 0;
  readonly requests: Record<string, number> = {};

  private constructor(world: World, first: View, pollIntervalMs: number) {
    this.world = world;
    this.views.push(first);
    const store = world.hooked();
    this.follower = new Follower({
      store,
      layout: world.layout,
      reader: storeRangeReader(store),
      runtime: world.runtime,
      pollIntervalMs,
      newest: () => this.newest,
      onView: (view) => this.views.push(view),
      onStale: (error) => this.stale.push(error),
      onPolled: () => {
        this.polls += 1;
      },
    });
    world.hooks = { before: ({ kind }) => this.#count(kind) };
  }

  static async start(world: World, pollIntervalMs = 0): Promise<Followed> {
    const plan = planRestore((await listReplica(world.store, world.layout)).files);
    if (plan === undefined) throw new Error("the replica is empty");
    return new Followed(world, (await openView(world.store, world.layout, plan)).view, pollIntervalMs);
  }

  get newest(): View {
    return this.views.at(-1) as View;
  }

  #count(kind: string): void {
    this.requests[kind] = (this.requests[kind] ?? 0) + 1;
  }

  /** Requests of one poll. */
  async poll(): Promise<Record<string, number>> {
    for (const kind of Object.keys(this.requests)) delete this.requests[kind];
    await this.follower.poll();
    return { ...this.requests };
  }
}

async function replica(): Promise<World> {
  const world = new World();
  await put(world, { min: 1, commit: 10 });
  await put(world, { min: 2, commit: 10, pages: [2] });
  return world;
}

describe("Follower", () => {
  it("asks for two listings where nothing is new, and tells that it did", async () => {
    const followed = await Followed.start(await replica());
    expect(await followed.poll()).toEqual({ list: 2 });
    expect([followed.views.length, followed.polls]).toEqual([1, 1]);
  });

  it("extends the newest view by the new files alone, at transactions' bounds", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    await put(world, { min: 3, commit: 12, pages: [3, 11, 12] });
    await put(world, { min: 4, commit: 11, pages: [4] });
    expect(await followed.poll()).toEqual({ list: 2, get: 2 });
    expect(followed.newest).toMatchObject({ txid: 4n, commit: 11 });
    expect([...(followed.newest.changedSince(followed.views[0] as View) as Uint32Array)]).toEqual([3, 4, 11]);
  });

  it("reads what level 1 covers from there, and lists only what is behind it from then on", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    for (const min of [3, 4, 5]) await put(world, { min, commit: 10, pages: [min] });
    const one = await put(world, { min: 2, max: 4, level: 1, commit: 10, pages: [2, 3, 4] });
    expect(await followed.poll()).toEqual({ list: 2, get: 2 });
    expect(followed.newest.files.map((file) => file.level)).toContain(1);
    let listed: string | undefined;
    world.hooks = {
      before: ({ kind, key, options }) => {
        if (kind === "list" && key === world.layout.levelPrefix(1)) listed = options.startAfter;
      },
    };
    await followed.follower.poll();
    expect(listed !== undefined && listed > one).toBe(true);
  });

  it("plans from the start where the new files don't lead there", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    const versions = new Map(range(1, 10).map((pgno) => [pgno, pgno === 3 ? 5 : 1]));
    await put(world, { min: 1, max: 5, level: 9, commit: 10, pages: versions });
    await put(world, { min: 6, commit: 10, pages: [6] });
    await removeLevelZero(world, 1, 2);
    await followed.poll();
    expect(followed.newest.txid).toBe(6n);
    expect(followed.newest.changedSince(followed.views[0] as View)).toBe("all");
  });

  it("looks at all levels where it has not looked for so long that what was new has moved up", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    await followed.follower.poll();
    const versions = new Map(range(1, 10).map((pgno) => [pgno, pgno === 3 ? 5 : 1]));
    await put(world, { min: 1, max: 5, level: 9, commit: 10, pages: versions });
    await removeLevelZero(world, 1, 2);
    world.runtime.jump(3 * 60_000);
    await followed.follower.poll();
    expect(followed.newest.txid).toBe(2n);
    world.runtime.jump(5 * 60_000);
    await followed.follower.poll();
    expect(followed.newest.txid).toBe(5n);
    expect(await followed.poll()).toEqual({ list: 2 });
  });

  it("plans from the start where a new file vanishes between its listing and its reading", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    await put(world, { min: 3, commit: 10, pages: [3] });
    let compacted = false;
    world.hooks = {
      before: async ({ kind, key }) => {
        if (compacted || kind !== "get" || !key.includes("0000000000000003")) return;
        compacted = true;
        await put(world, { min: 1, max: 3, level: 1, commit: 10 });
        await removeLevelZero(world, 1, 2, 3);
      },
    };
    await followed.follower.poll();
    expect(followed.newest).toMatchObject({ txid: 3n, commit: 10 });
    expect(followed.newest.files.map((file) => file.level)).toEqual([1]);
  });

  it("says that it is stale where the replica's newest state is no longer to be had, and shows nothing of it", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    await put(world, { min: 4, commit: 10, pages: [4] });
    await expect(followed.follower.poll()).rejects.toMatchObject({ code: "REPLICA_GAP" });
    expect([followed.views.length, followed.polls]).toEqual([1, 0]);
    await put(world, { min: 3, commit: 10, pages: [3] });
    await followed.follower.poll();
    expect(followed.newest.txid).toBe(4n);
  });

  it("never goes on with another database's transactions, where the replica was reset and has come as far as before", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    await removeLevelZero(world, 1, 2);
    for (const min of [1, 2, 3]) await put(world, { min, commit: 10, timestampMs: 1_800_000_000_000 + min });
    for (let n = 0; n < 2; n += 1) {
      await expect(followed.follower.poll()).rejects.toMatchObject({ code: "STALE", message: expect.stringContaining("another database") });
    }
    expect(followed.views).toHaveLength(1);
  });

  it("goes on where the file that it knows was put again, the same transaction under another ETag", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    const key = world.layout.key(0, 2n as never, 2n as never);
    await world.store.put(key, (await world.store.get(key)).body);
    await put(world, { min: 3, commit: 10, pages: [3] });
    await followed.follower.poll();
    expect(followed.newest.txid).toBe(3n);
  });

  it("lists after it was asked to: who asks while a poll is under way gets the next one, and all of them the same", async () => {
    const world = await replica();
    const followed = await Followed.start(world);
    const gate = new Gate();
    let lists = 0;
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "list") lists += 1;
        return lists <= 2 ? gate.pass() : undefined;
      },
    };
    const first = followed.follower.poll();
    await until("its listings are under way", () => gate.arrived === 2);
    await put(world, { min: 3, commit: 10, pages: [3] });
    const later = [followed.follower.poll(), followed.follower.poll()];
    gate.open();
    await first;
    await Promise.all(later);
    expect(followed.newest.txid).toBe(3n);
    expect(lists).toBe(4);
  });

  it("polls by itself, tells of failures and goes on, until it is stopped", async () => {
    const world = await replica();
    const followed = await Followed.start(world, 1000);
    let down: Error | undefined = new HeadwaterError("STORE_UNAVAILABLE", "down");
    world.hooks = {
      before: () => {
        if (down !== undefined) throw down;
      },
    };
    followed.follower.start();
    await world.runtime.advance(999);
    expect(followed.stale).toEqual([]);
    await world.runtime.advance(2001);
    expect(followed.stale).toEqual([down, down, down]);
    down = new Error("not one of ours");
    await world.runtime.advance(1000);
    expect(followed.stale.at(-1)).toMatchObject({ code: "STALE", cause: down });
    down = undefined;
    await put(world, { min: 3, commit: 10, pages: [3] });
    await world.runtime.advance(1000);
    await until("it has caught up", () => followed.newest.txid === 3n);
    followed.follower.stop();
    await world.runtime.advance(10_000);
    expect([followed.stale.length, followed.polls, world.runtime.sleeping]).toEqual([4, 1, 0]);
  });

  it("never polls by itself where the interval is 0", async () => {
    const world = await replica();
    const followed = await Followed.start(world, 0);
    followed.follower.start();
    await world.runtime.advance(100_000);
    expect(followed.polls).toBe(0);
  });
});
