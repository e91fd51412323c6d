import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { FileObjectStore } from "@headwater/object-store/file";
import { HookedObjectStore } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import {
  listReplica,
  type OpenedView,
  type OpenViewOptions,
  openView,
  PageReader,
  type Plan,
  planRestore,
  type RangeReader,
  storeRangeReader,
} from "../src/index.js";
import { encode, type FileSpec, id, ModelDatabase, pageBytes, range, rounds, TestReplica } from "./support.js";

const seed = testSeed("open-view");

async function open(replica: TestReplica, options: OpenViewOptions = {}): Promise<OpenedView> {
  return openView(replica.store, replica.layout, await planOf(replica), options);
}

async function planOf(replica: TestReplica): Promise<Plan> {
  const plan = planRestore((await listReplica(replica.inner, replica.layout)).files);
  if (plan === undefined) throw new Error("empty replica");
  return plan;
}

const snapshot = (commit: number, more: Partial<FileSpec> = {}): FileSpec => ({
  min: 1,
  max: 1,
  level: 9,
  commit,
  pages: range(1, commit),
  ...more,
});

describe("openView: what it costs", () => {
  const big = 5000; // 1.4 MB at 512-byte pages

  it("reads a small database with one request, pages and all", async () => {
    const replica = new TestReplica();
    await replica.put({ min: 1, commit: 100, pages: range(1, 100) });
    const { view, pages } = await open(replica);
    expect(replica.requests()).toEqual({ list: 0, get: 1, other: 0 });
    expect([view.txid, view.commit, view.pageSize, pages.size]).toEqual([1n, 100, 512, 100]);
    expect(pages.get(77)).toEqual(pageBytes(512, 77, 1));
  });

  it("reads the files' bytes through the reader that it is given", async () => {
    const replica = new TestReplica();
    await replica.put(snapshot(big));
    await replica.put({ min: 2, commit: big, pages: [7] });
    const whole = storeRangeReader(replica.inner);
    const asked: string[] = [];
    const reader: RangeReader = {
      read: (file, start, end, options) => {
        asked.push(`${file.level}:${end - start === file.size ? "whole" : start === 0 ? "head" : "tail"}`);
        return whole.read(file, start, end, options);
      },
    };
    const { view } = await openView(replica.store, replica.layout, await planOf(replica), { reader });
    expect(asked.sort()).toEqual(["0:whole", "9:head", "9:tail"]);
    expect(replica.requests().get).toBe(0);
    expect(view.commit).toBe(big);
  });

  it("reads tail and head of a snapshot at the same time", async () => {
    const replica = new TestReplica();
    await replica.put(snapshot(big)); // 1.4 MB
    let atOnce = 0;
    const store = new HookedObjectStore(replica.store, { before: () => void atOnce++, after: () => expect(atOnce).toBe(2) });
    const { view, pages } = await openView(store, replica.layout, await planOf(replica));
    expect(replica.requests()).toEqual({ list: 0, get: 2, other: 0 });
    expect(view.commit).toBe(big);
    expect(pages.size).toBeGreaterThan(50);
    expect(pages.get(1)).toEqual(pageBytes(512, 1, 1));
    expect(pages.size).toBeLessThan(big / 2);
  });

  it.each(["s3", "file"] as const)("opens a snapshot and 100 level-0 files in the layout %s with 102 requests", async (kind) => {
    const replica = new TestReplica(kind);
    await replica.put(snapshot(big));
    for (const n of range(2, 101)) await replica.put({ min: n, commit: big + n, pages: [1, 1000 + n, big + n] });
    const { view } = await open(replica);
    expect(replica.requests()).toEqual({ list: 0, get: 102, other: 0 });
    expect([view.txid, view.commit]).toEqual([101n, big + 101]);
  });

  it("opens 1000 level-0 files with 1000 requests, at most 50 at a time", async () => {
    const replica = new TestReplica();
    for (const n of range(1, 1000)) await replica.put({ min: n, commit: n, pages: n === 1 ? [1] : [1, n] });
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
    const { view, pages } = await openView(store, replica.layout, await planOf(replica));
    expect(replica.requests().get).toBe(1000);
    expect(most).toBe(50);
    expect([view.txid, view.commit, pages.size]).toEqual([1000n, 1000, 1000]);
    expect(pages.get(1)).toEqual(pageBytes(512, 1, 1000));
    expect(view.indexBytes).toBeLessThanOrEqual(16 * 1000);
  });

  it("needs one more request where the index is larger than the guess", async () => {
    const replica = new TestReplica();
    await replica.put(snapshot(big));
    const { view } = await open(replica, { tailBytes: 1000 });
    expect(replica.requests().get).toBe(3);
    expect(view.lookup(big)).toBeDefined();
    expect((await open(replica, { tailBytes: 10 })).view.commit).toBe(big); // not even the index's size: two more
    expect(replica.requests().get).toBe(4);
  });

  it("holds no more bytes for pages that come along than it may, the newest files first", async () => {
    const replica = new TestReplica();
    for (const n of range(1, 20)) await replica.put({ min: n, commit: 40, pages: n === 1 ? range(1, 40) : [n, n + 20] });
    const all = await open(replica);
    expect(all.pages.size).toBe(40);
    const few = await open(replica, { freeBytesMax: 3000, concurrency: 1 });
    expect([...few.pages.keys()].sort((a, b) => a - b)).toEqual([17, 18, 19, 20, 37, 38, 39, 40].filter((n) => few.pages.has(n)));
    expect(few.pages.has(40)).toBe(true);
    expect(few.pages.size).toBeLessThan(10);
    expect((await open(replica, { freeBytesMax: 0 })).pages.size).toBe(0);
  });
});

describe("openView: what it gives", () => {
  it("agrees with a naive model over random histories, all plans, shrinking and growing, and reads the same bytes", async () => {
    const random = new SeededRandom(seed);
    let inParts = 0;
    for (let round = 0; round < 40 * rounds; round += 1) {
      const replica = new TestReplica(random.pick(["s3", "file"]));
      const { model, top } = await randomHistory(replica, random);
      const { view, pages } = await open(
        replica,
        random.pick<OpenViewOptions>([
          {},
          { tailBytes: 40 + random.below(400), headBytes: random.below(2000) },
          // The base's page index in parts, which is for far larger ones otherwise.
          { tailBytes: 30 + random.below(100), headBytes: random.below(2000), indexBytesMax: 1, entryBytesMax: 8192 },
        ]),
      );
      if (view.partlyIndexed !== undefined) inParts += 1;
      expect([view.txid, view.commit], `seed=${seed} round=${round}`).toEqual([id(top), model.commit]);
      const reader = new PageReader({
        reader: storeRangeReader(replica.store),
        gapBytesMax: random.below(2000),
        rangeBytesMax: 500 + random.below(5000),
      });
      const read = await reader.readPages(view, range(1, model.commit));
      for (const pgno of range(1, model.commit)) {
        const expected = Buffer.from(model.bytes(512, pgno));
        const free = pages.get(pgno) ?? expected;
        if (!expected.equals(read.get(pgno) ?? new Uint8Array(0))) expect.fail(`seed=${seed} round=${round}: page ${pgno} was read wrong`);
        if (!expected.equals(free)) expect.fail(`seed=${seed} round=${round}: page ${pgno} came along wrong`);
      }
      expect(Math.max(0, ...pages.keys())).toBeLessThanOrEqual(model.commit);
    }
    expect(inParts).toBeGreaterThan(0);
  });

  it("works on real files", async () => {
    const dir = await mkdtemp(path.join(tmpdir(), "headwater-open-"));
    try {
      const replica = new TestReplica("file", new FileObjectStore(dir), "");
      await replica.put(snapshot(1000));
      for (const n of range(2, 5)) await replica.put({ min: n, commit: 1000, pages: [n] });
      const { view, pages } = await open(replica);
      expect([view.txid, pages.get(5)]).toEqual([5n, pageBytes(512, 5, 5)]);
      const read = await new PageReader({ reader: storeRangeReader(replica.store) }).readPages(view, [1, 999]);
      expect(read.get(999)).toEqual(pageBytes(512, 999, 1));
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it.each([512, 4096, 65_536])("reads pages of %d bytes", async (pageSize) => {
    const replica = new TestReplica();
    await replica.put({ min: 1, commit: 3, pages: [1, 2, 3], pageSize });
    const { view, pages } = await open(replica);
    expect([view.pageSize, pages.get(3)]).toEqual([pageSize, pageBytes(pageSize, 3, 1)]);
  });
});

/** Transactions as files of level 0, some compacted, some in snapshots; files without holes, as ours are. */
async function randomHistory(replica: TestReplica, random: SeededRandom): Promise<{ model: ModelDatabase; top: number }> {
  const model = new ModelDatabase();
  const top = 1 + random.below(30);
  let snapshotAt = 0;
  let pending: { commit: number; pages: Map<number, number> }[] = [];
  for (let txid = 1; txid <= top; txid += 1) {
    const before = model.commit;
    const commit = random.chance(0.2) ? 1 + random.below(80) : Math.max(1, before + random.below(12) - 4);
    const written = range(1, commit).filter((pgno) => pgno > before || random.chance(0.1));
    const pages = new Map(written.map((pgno) => [pgno, txid]));
    model.apply(commit, pages);
    pending.push({ commit, pages });
    await replica.put({ min: txid, commit, pages });
    if (random.chance(0.15) && pending.length > 1 && txid - pending.length >= 1) {
      await replica.put({ min: txid - pending.length + 1, max: txid, level: 1, ...merged(pending) });
      pending = [];
    }
    if (txid === 1 || random.chance(0.08)) {
      snapshotAt = txid;
      pending = txid === 1 ? [] : pending;
      await replica.put({ min: 1, max: txid, level: 9, commit, pages: new Map(model.pages) });
    }
  }
  expect(snapshotAt).toBeGreaterThan(0);
  return { model, top };
}

function merged(steps: readonly { commit: number; pages: Map<number, number> }[]): { commit: number; pages: Map<number, number> } {
  const model = new ModelDatabase();
  for (const { commit, pages } of steps) model.apply(commit, pages);
  return { commit: model.commit, pages: model.pages };
}

describe("openView: what it refuses", () => {
  const code = (wanted: string, key: string): object =>
    expect.objectContaining({ code: wanted, message: expect.stringContaining(`key=${key}`) });

  async function withFile(spec: FileSpec): Promise<{ replica: TestReplica; key: string; bytes: Uint8Array }> {
    const replica = new TestReplica();
    const { key } = await replica.put(spec);
    return { replica, key, bytes: await replica.bytesOf(key) };
  }

  it("a file cut at any length", async () => {
    const { replica, key, bytes } = await withFile({ min: 1, commit: 4, pages: [1, 2, 3, 4] });
    for (let length = 0; length < bytes.byteLength; length += 1) {
      await replica.overwrite(key, bytes.subarray(0, length));
      await expect(open(replica), `length ${length}`).rejects.toEqual(code("LTX_CORRUPT", key));
    }
  });

  it("a flipped bit anywhere in a file that is read whole", async () => {
    const random = new SeededRandom(seed);
    const { replica, key, bytes } = await withFile({ min: 1, commit: 4, pages: [1, 2, 3, 4] });
    for (const at of [...range(0, 131), ...Array.from({ length: 150 }, () => random.below(bytes.byteLength)), bytes.byteLength - 1]) {
      const bad = bytes.slice();
      bad[at] = (bad[at] ?? 0) ^ (1 << random.below(8));
      await replica.overwrite(key, bad);
      const result = await open(replica).catch((error: { code: string }) => error.code);
      if (result === "LTX_CORRUPT") continue;
      // LZ4 has several ways to say the same: within a run of zeros a match may begin anywhere.
      if (typeof result === "string") expect.fail(`byte ${at} of ${bytes.byteLength}: ${result}`);
      for (const pgno of range(1, 4)) expect(result.pages.get(pgno), `seed=${seed} byte ${at}`).toEqual(pageBytes(512, pgno, 1));
    }
  });

  it("garbage in header, index or trailer of a large file, and never anything but a typed error", async () => {
    const random = new SeededRandom(seed);
    const { replica, key, bytes } = await withFile(snapshot(5000));
    const tailStart = bytes.byteLength - 9000;
    for (let round = 0; round < 60 * rounds; round += 1) {
      const bad = bytes.slice();
      const at = random.chance(0.3) ? random.below(100) : tailStart + random.below(9000);
      for (let n = 1 + random.below(4); n > 0; n -= 1) bad[Math.min(bad.length - 1, at + random.below(8))] = random.below(256);
      await replica.overwrite(key, bad);
      const outcome = await open(replica).then(
        ({ view }) => view,
        (error: { code?: string; message: string }) => {
          expect(error).toEqual(code("LTX_CORRUPT", key));
          return undefined;
        },
      );
      if (outcome === undefined) continue;
      // What got through must still point into the file.
      for (const pgno of range(1, Math.min(outcome.commit, 5000))) {
        const frame = outcome.lookup(pgno);
        if (frame) expect(frame.offset + frame.size).toBeLessThanOrEqual(bytes.byteLength);
      }
    }
  });

  it("a header that names other transactions than the key", async () => {
    const replica = new TestReplica();
    const key = replica.layout.key(0, id(1), id(1));
    for (const spec of [{ min: 2, commit: 4, pages: [1] }, snapshot(5000, { max: 2 })]) {
      await replica.overwrite(key, encode(spec).bytes);
      await expect(open(replica)).rejects.toEqual(code("LTX_CORRUPT", key));
    }
  });

  it.each([
    ["its first", range(2, 5000)],
    ["a middle", range(1, 5000).filter((n) => n !== 1000)],
    ["its last", range(1, 4999)],
  ])("a snapshot that misses %s page", async (_which, pages) => {
    // Made as TXID 2 and then called a snapshot, because the encoder refuses.
    const { bytes } = encode({ min: 2, max: 2, commit: 5000, pages });
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(16, 1n);
    const replica = new TestReplica();
    const key = replica.layout.key(9, id(1), id(2));
    await replica.overwrite(key, bytes);
    await expect(open(replica)).rejects.toEqual(code("LTX_CORRUPT", key));
  });

  it("files of two page sizes", async () => {
    const { replica } = await withFile(snapshot(10));
    const { key } = await replica.put({ min: 2, commit: 10, pages: [1], pageSize: 1024 });
    await expect(open(replica)).rejects.toEqual(code("LTX_CORRUPT", key));
  });

  it.each([
    ["small", 10],
    ["large", 5000],
  ])("a %s file that was deleted, replaced, or replaced by a shorter one since the listing", async (_size, commit) => {
    const { replica, key, bytes } = await withFile(snapshot(commit));
    const plan = await planOf(replica);
    await replica.overwrite(key, bytes); // the same bytes under another ETag are another file
    await expect(openView(replica.store, replica.layout, plan)).rejects.toEqual(code("REPLICA_FILE_GONE", key));
    await replica.overwrite(key, bytes.subarray(0, 90));
    await expect(openView(replica.store, replica.layout, plan)).rejects.toEqual(code("REPLICA_FILE_GONE", key));
    await replica.inner.delete(key);
    await expect(openView(replica.store, replica.layout, plan)).rejects.toEqual(code("REPLICA_FILE_GONE", key));
  });

  it("a plan that is not contiguous, and one without files", async () => {
    const { replica } = await withFile(snapshot(10));
    const [first] = (await planOf(replica)).files;
    const third = await replica.put({ min: 3, commit: 10, pages: [1] });
    await expect(openView(replica.store, replica.layout, { files: [first as never, third], txid: id(3) })).rejects.toEqual(
      code("REPLICA_GAP", third.key),
    );
    await expect(openView(replica.store, replica.layout, { files: [], txid: id(0) })).rejects.toMatchObject({ code: "NO_REPLICA" });
  });

  it("to go on once it is aborted or has failed: what is under way ends, nothing more is asked for", async () => {
    const replica = new TestReplica();
    for (const n of range(1, 200)) await replica.put({ min: n, commit: 1, pages: [1] });
    const plan = await planOf(replica);
    const controller = new AbortController();
    let asked = 0;
    const store = new HookedObjectStore(replica.store, {
      before: async () => {
        asked += 1;
        if (asked === 10) controller.abort();
        await replica.runtime.timers.turn();
      },
    });
    await expect(openView(store, replica.layout, plan, { signal: controller.signal, concurrency: 5 })).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(asked).toBeLessThan(20);
    await replica.inner.delete(replica.layout.key(0, id(150), id(150)));
    asked = 100;
    await expect(openView(store, replica.layout, plan, { concurrency: 5 })).rejects.toMatchObject({ code: "REPLICA_FILE_GONE" });
    expect(asked).toBeLessThan(100 + 70);
  });
});
