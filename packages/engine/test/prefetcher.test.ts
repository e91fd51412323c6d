import { listReplica, openView, PageReader, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { beforeEach, describe, expect, it } from "vitest";
import { Prefetcher } from "../src/prefetcher.js";
import { put, range, versionIn } from "./support/replica.js";
import { Gate, PAGE_SIZE, until, World } from "./support/world.js";

let world: World;
let view: View;
let prefetcher: Prefetcher;
/** GETs so far. */
let gets: number;
/** Pages that were reported as they arrived. */
let reported: number[];

async function newest(): Promise<View> {
  const plan = planRestore((await listReplica(world.store, world.layout)).files);
  if (plan === undefined) throw new Error("the replica is empty");
  return (await openView(world.store, world.layout, plan)).view;
}

beforeEach(async () => {
  world = new World();
  await put(world, { min: 1, commit: 600 });
  view = await newest();
  gets = 0;
  reported = [];
  world.hooks = {
    before: ({ kind }) => {
      if (kind === "get") gets += 1;
    },
  };
  prefetcher = new Prefetcher({
    reader: new PageReader({ reader: storeRangeReader(world.hooked()) }),
    bytesMax: 100 * PAGE_SIZE,
    requestBytes: 20 * PAGE_SIZE,
    concurrency: 2,
    onPages: (_, pages) => reported.push(...pages.keys()),
  });
});

const signal = new AbortController().signal;
const idle = (): Promise<void> => until("nothing is under way", () => range(1, 600).every((pgno) => !prefetcher.isUnderWay(pgno)));

describe("Prefetcher", () => {
  it("fetches what is wanted in few requests, hands each page over once, and reports all", async () => {
    prefetcher.want(1, view, range(101, 140));
    await idle();
    expect(gets).toBe(2);
    expect(versionIn(prefetcher.take(view, 120))).toEqual({ pgno: 120, version: 1 });
    expect(prefetcher.take(view, 120)).toBeUndefined();
    expect(prefetcher.take(view, 141)).toBeUndefined();
    expect(reported).toEqual(range(101, 140));
  });

  it("asks for nothing twice, and waits until a request is worth its while", async () => {
    prefetcher.want(1, view, range(101, 140));
    prefetcher.want(1, view, range(101, 140));
    prefetcher.expect(1, view, range(111, 150));
    await idle();
    expect(gets).toBe(3);
    prefetcher.expect(1, view, range(111, 155));
    await idle();
    expect(gets).toBe(3);
  });

  it("has a limited number of requests under way, and starts at once what is waited for", async () => {
    const gate = new Gate();
    world.hooks = { before: ({ kind }) => (kind === "get" ? gate.pass() : undefined) };
    prefetcher.want(1, view, range(101, 180));
    await until("two requests are under way", () => gate.arrived === 2);
    const waiting = prefetcher.wait(175, signal);
    await until("the one that is waited for is under way", () => gate.arrived === 3);
    gate.open();
    expect(await waiting).toBe(true);
    expect(versionIn(prefetcher.take(view, 175))?.pgno).toBe(175);
    expect(await prefetcher.wait(300, signal)).toBe(false);
  });

  it("holds no more than its limit: the oldest page goes that is not expected any more", async () => {
    prefetcher.want(1, view, range(1, 100));
    await idle();
    prefetcher.want(1, view, range(41, 120));
    await idle();
    expect(prefetcher.size).toBe(100);
    expect(prefetcher.take(view, 1)).toBeUndefined();
    expect(range(41, 120).every((pgno) => prefetcher.take(view, pgno) !== undefined)).toBe(true);
    prefetcher.want(1, view, range(201, 600));
    expect(prefetcher.size).toBeLessThanOrEqual(100);
    await idle();
    expect(prefetcher.size).toBeLessThanOrEqual(100);
  });

  it("never gives a page of another state away", async () => {
    prefetcher.want(1, view, [150, 151]);
    await idle();
    await put(world, { min: 2, commit: 600, pages: [150] });
    const later = await newest();
    expect(prefetcher.take(later, 150)).toBeUndefined();
    expect(versionIn(prefetcher.take(later, 151))).toEqual({ pgno: 151, version: 1 });
  });

  it("forgets a request that fails, whose pages can be wanted again", async () => {
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "get") throw new Error("the store is away");
      },
    };
    prefetcher.want(1, view, range(101, 110));
    await idle();
    expect([prefetcher.size, reported]).toEqual([0, []]);
    world.hooks = {};
    prefetcher.want(1, view, range(101, 110));
    await idle();
    expect(prefetcher.size).toBe(10);
  });

  it("calls off what is under way and forgets the rest when it is stopped", async () => {
    const gate = new Gate();
    world.hooks = { before: ({ kind }) => (kind === "get" ? gate.pass() : undefined) };
    prefetcher.want(1, view, range(101, 200));
    await until("two requests are under way", () => gate.arrived === 2);
    const waiting = prefetcher.wait(101, signal);
    prefetcher.stop();
    gate.open();
    await waiting;
    await until("all has settled", () => prefetcher.size === 0);
    expect([gate.arrived, reported]).toEqual([2, []]);
  });

  it("stops waiting when its caller gives up", async () => {
    const gate = new Gate();
    world.hooks = { before: ({ kind }) => (kind === "get" ? gate.pass() : undefined) };
    prefetcher.want(1, view, [101]);
    const deadline = new AbortController();
    const waiting = prefetcher.wait(101, deadline.signal);
    deadline.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    gate.open();
    await idle();
    expect(versionIn(prefetcher.take(view, 101))?.pgno).toBe(101);
  });
});
