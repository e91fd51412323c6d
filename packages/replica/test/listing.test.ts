import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ListOptions, ListPage, ObjectStore } from "@headwater/object-store";
import { FileObjectStore } from "@headwater/object-store/file";
import { HookedObjectStore } from "@headwater/object-store/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createLayout, listReplica, planRestore } from "../src/index.js";
import { range, TestReplica } from "./support.js";

const txids = (files: readonly { minTXID: bigint; maxTXID: bigint; level: number }[]): string[] =>
  files.map((f) => `${f.level}:${f.minTXID}-${f.maxTXID}`);

/** A replica of names only: what is in the files does not matter to a listing. */
async function named(replica: TestReplica, ...files: [level: number, min: number, max: number][]): Promise<TestReplica> {
  for (const [level, min, max] of files)
    await replica.inner.put(replica.layout.key(level, BigInt(min) as never, BigInt(max) as never), Uint8Array.of(1));
  return replica;
}

const level0 = (first: number, last: number): [number, number, number][] => range(first, last).map((n) => [0, n, n]);

/** Pages of at most `size` objects, as a store with many files would give. */
function paged(replica: TestReplica, size: number): { store: ObjectStore; prefixes: string[] } {
  const prefixes: string[] = [];
  const inner = replica.store;
  const list = (prefix: string, options?: ListOptions): AsyncIterable<ListPage> => inner.list(prefix, { ...options, pageSize: size });
  const small: ObjectStore = {
    description: inner.description,
    get: (key, options) => inner.get(key, options),
    head: (key, options) => inner.head(key, options),
    put: (key, body, options) => inner.put(key, body, options),
    delete: (key, options) => inner.delete(key, options),
    close: () => inner.close(),
    list,
  };
  const store = new HookedObjectStore(small, {
    before: ({ key, options }) => void prefixes.push(`${key}${options.startAfter === undefined ? "" : " >"}`),
  });
  return { store, prefixes };
}

describe("listReplica in the layout of S3", () => {
  it("finds nothing where nothing is", async () => {
    const replica = new TestReplica();
    expect(await listReplica(replica.store, replica.layout)).toEqual({ files: [], ignored: [], dateMs: replica.runtime.clock.nowMs() });
  });

  it("costs four requests in one round trip, whatever fits on a page", async () => {
    const replica = await named(new TestReplica(), [9, 1, 50], [1, 40, 60], ...level0(55, 154));
    await replica.inner.put("app/lock.json", Uint8Array.of(1));
    await replica.inner.put("app2/0000/0000000000000001-0000000000000001.ltx", Uint8Array.of(1));
    let atOnce = 0;
    let most = 0;
    const store = new HookedObjectStore(replica.store, {
      before: async () => {
        most = Math.max(most, ++atOnce);
        await replica.runtime.timers.turn();
      },
      after: () => {
        atOnce -= 1;
      },
    });
    const { files, ignored } = await listReplica(store, replica.layout);
    expect(files.length).toBe(102);
    expect(ignored).toEqual([]);
    expect(most).toBe(4);
    await replica.runtime.timers.turn();
    expect(replica.requests()).toEqual({ list: 4, get: 0, other: 0 });
  });

  it("needs two round trips and six requests for a day's replica that does not fit on a page", async () => {
    const replica = await named(
      new TestReplica(),
      [9, 1, 1000],
      ...compacted(2, 1, 1200, 100),
      ...compacted(1, 801, 1260, 10),
      ...level0(1161, 1275),
    );
    const { store, prefixes } = paged(replica, 60);
    const listing = await listReplica(store, replica.layout);
    expect(prefixes.sort()).toEqual(["app/", "app/0000/ >", "app/0001/ >", "app/0002/", "app/0003/", "app/0009/"]);
    const complete = await listReplica(replica.store, replica.layout, { complete: true });
    expect(planRestore(listing.files)).toEqual(planRestore(complete.files));
    expect(listing.files.length).toBeLessThan(complete.files.length);
    expect(complete.files.length).toBe(1 + 12 + 46 + 115);
    expect(listing.ignored).toEqual([]);
  });

  it("goes on with the first listing where no level covers anything: 1000 level-0 files and more", async () => {
    const replica = await named(new TestReplica(), ...level0(1, 2500));
    await replica.inner.put("app/lock.json", Uint8Array.of(1));
    const { files } = await listReplica(replica.store, replica.layout);
    expect(files.length).toBe(2500);
    expect(replica.requests().list).toBe(4 + 2 + 1); // the rest of level 0, and level 1
    expect(planRestore(files)?.files.length).toBe(2500);
  });

  it("finds a level-1 file that begins before the snapshot ends, though level 0 is gone", async () => {
    const replica = await named(
      new TestReplica(),
      [9, 1, 100],
      ...compacted(2, 1, 80, 40),
      ...compacted(1, 81, 125, 15),
      ...level0(60, 99),
    );
    await replica.inner.delete(replica.layout.key(0, 100n as never, 100n as never));
    const { store, prefixes } = paged(replica, 10);
    const { files } = await listReplica(store, replica.layout);
    expect(txids(planRestore(files)?.files ?? [])).toEqual(["9:1-100", "1:96-110", "1:111-125"]);
    expect(prefixes.filter((p) => p === "app/").length).toBe(1); // the shortcut found it
  });

  it("lists everything when the shortcut does not lead to a plan", async () => {
    // Levels that Litestream can be told to use, and of which the shortcut knows nothing.
    const replica = await named(new TestReplica(), [9, 1, 1], ...compacted(5, 2, 61, 20), ...level0(62, 90), [2, 30, 40]);
    const { store, prefixes } = paged(replica, 20);
    const { files } = await listReplica(store, replica.layout);
    expect(txids(planRestore(files)?.files ?? []).slice(0, 5)).toEqual(["9:1-1", "5:2-21", "5:22-41", "5:42-61", "0:62-62"]);
    expect(prefixes.filter((p) => p === "app/").length).toBe(2);
  });

  it("does not take a gap for an error", async () => {
    const replica = await named(new TestReplica(), ...level0(5, 40));
    const { files } = await listReplica(paged(replica, 10).store, replica.layout);
    expect(files.length).toBe(36);
  });

  it("reports isolated level-0 files and names in the wrong form, and nothing else", async () => {
    const replica = await named(new TestReplica(), [9, 1, 10], ...level0(9, 12), [0, 3, 3], [9, 5, 10]);
    const odd = ["app/0000/00000000000000XX-0000000000000001.ltx", "app/0001/0000000000000002-0000000000000001.ltx"];
    for (const key of [...odd, "app/lock.json", "app/notes.txt", "app/0000/readme", "app/other/a.ltx"])
      await replica.inner.put(key, Uint8Array.of(1));
    const { ignored } = await listReplica(replica.store, replica.layout);
    const isolated = ["app/0000/0000000000000003-0000000000000003.ltx", "app/0009/0000000000000005-000000000000000a.ltx"];
    expect(ignored).toEqual([...isolated, ...odd].sort());
  });

  it("reports an isolated file also where the listing was cut short", async () => {
    const replica = await named(new TestReplica(), [9, 1, 100], ...level0(61, 99), [0, 105, 105], ...level0(120, 121), [1, 101, 119]);
    const { ignored } = await listReplica(paged(replica, 10).store, replica.layout);
    expect(ignored).toEqual(["app/0000/0000000000000069-0000000000000069.ltx"]);
  });

  it("passes on what the store says, and leaves no rejection unhandled", async () => {
    const replica = await named(new TestReplica(), ...level0(1, 3));
    const failing = new HookedObjectStore(replica.store, {
      before: ({ key }) => {
        if (key === "app/") throw Object.assign(new Error("denied"), { code: "STORE_DENIED" });
        throw Object.assign(new Error("down"), { code: "STORE_UNAVAILABLE" });
      },
    });
    await expect(listReplica(failing, replica.layout)).rejects.toMatchObject({ code: "STORE_DENIED" });
    const levelsFail = new HookedObjectStore(replica.store, {
      before: ({ key }) => {
        if (key !== "app/") throw new Error("down");
      },
    });
    expect((await listReplica(levelsFail, replica.layout)).files.length).toBe(3);
    await expect(listReplica(replica.store, replica.layout, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });
});

function compacted(level: number, first: number, last: number, step: number): [number, number, number][] {
  const out: [number, number, number][] = [];
  for (let min = first; min <= last; min += step) out.push([level, min, Math.min(last, min + step - 1)]);
  return out;
}

describe("listReplica in the layout of files", () => {
  const dirs: string[] = [];
  afterEach(async () => {
    for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
  });

  it("lists the prefix once", async () => {
    const replica = await named(new TestReplica("file"), [9, 1, 50], ...level0(51, 60));
    await replica.inner.put("app/lock.json", Uint8Array.of(1));
    const { files, ignored } = await listReplica(replica.store, replica.layout);
    expect([files.length, ignored]).toEqual([11, []]);
    expect(replica.requests()).toEqual({ list: 1, get: 0, other: 0 });
  });

  it("reads all pages of a long one", async () => {
    const replica = await named(new TestReplica("file"), ...level0(1, 95));
    const { store, prefixes } = paged(replica, 10);
    expect((await listReplica(store, replica.layout)).files.length).toBe(95);
    expect(prefixes.length).toBe(10);
  });

  it("works on real files, with and without a prefix", async () => {
    const dir = await mkdtemp(path.join(tmpdir(), "headwater-listing-"));
    dirs.push(dir);
    const store = new FileObjectStore(dir);
    for (const prefix of ["", "some/where"]) {
      const layout = createLayout("file", prefix);
      for (const n of [1, 2, 3]) await store.put(layout.key(0, BigInt(n) as never, BigInt(n) as never), Uint8Array.of(1));
      const { files, dateMs } = await listReplica(store, layout);
      expect(txids(files)).toEqual(["0:1-1", "0:2-2", "0:3-3"]);
      expect(dateMs).toBeGreaterThan(1.6e12);
    }
    expect((await listReplica(store, createLayout("file", "nothing/here"))).files).toEqual([]);
    await store.close();
  });
});
