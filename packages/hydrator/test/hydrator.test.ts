import { HeadwaterError } from "@headwater/core";
import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { type RangeReader, type ReplicaFile, storeRangeReader, type View } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { type HydrationStatus, Hydrator, type HydratorOptions, LocalCopy, LocalCopyReader } from "../src/index.js";
import { expectSameBytes, fastRuntime, layout, randomPages, TestReplica, upTo } from "./support.js";

const random = new SeededRandom(testSeed("hydrator"));

interface Bench {
  readonly fs: MemoryFileSystem;
  readonly copy: LocalCopy;
  readonly hydrator: Hydrator;
  readonly told: HydrationStatus[];
  /** Ranges read, in order. */
  readonly reads: { file: ReplicaFile; start: number; end: number }[];
  content(): Uint8Array;
}

function setUp(replica: TestReplica, view: View, more: Partial<HydratorOptions> = {}): Bench {
  const fs = new MemoryFileSystem();
  const copy = LocalCopy.create({ fs, path: "/copy", pageSize: replica.pageSize, pages: view.commit, viewId: 1 });
  const told: HydrationStatus[] = [];
  const reads: Bench["reads"] = [];
  const inner = more.reader ?? storeRangeReader(replica.store);
  const reader: RangeReader = {
    read: (file, start, end, options) => {
      reads.push({ file, start, end });
      return inner.read(file, start, end, options);
    },
  };
  const hydrator = new Hydrator({ copy, view, viewId: 1, runtime: fastRuntime(), onProgress: (s) => told.push(s), ...more, reader });
  const content = (): Uint8Array => {
    const bytes = new Uint8Array(fs.stat("/copy")?.size ?? 0);
    fs.open("/copy", "r").read(bytes, 0);
    return bytes;
  };
  return { fs, copy, hydrator, told, reads, content };
}

/** What a rejected call was rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!HeadwaterError.is(error)) throw new Error("was not rejected with an error of ours", { cause: error });
  return error;
}

/** A base of `pages` random pages, more than fits a small file, and some deltas. */
async function largeReplica(pages = 1500): Promise<TestReplica> {
  const replica = new TestReplica(1024);
  await replica.commit(pages, randomPages(random, 1024, upTo(pages)));
  return replica;
}

/** Makes ranges of 256 KiB, so that a base of little more than 1 MiB has several. */
const manyRanges = { maxBytesPerSecond: 256 * 1024 };

/** Reads that wait until they are let go. */
function heldReader(replica: TestReplica): { reader: RangeReader; waiting: (() => void)[]; letGo(): void } {
  const waiting: (() => void)[] = [];
  let free = false;
  const inner = storeRangeReader(replica.store);
  const reader: RangeReader = {
    read: async (file, start, end, options) => {
      if (!free) await new Promise<void>((go) => waiting.push(go));
      return inner.read(file, start, end, options);
    },
  };
  const letGo = (): void => {
    free = true;
    for (const go of waiting.splice(0)) go();
  };
  return { reader, waiting, letGo };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("Hydrator", () => {
  it("makes a file that equals a full restore", async () => {
    const replica = new TestReplica();
    await replica.commit(40, randomPages(random, 512, upTo(40)));
    await replica.commit(60, randomPages(random, 512, [1, 7, ...upTo(60).slice(40)]));
    await replica.commit(50, randomPages(random, 512, [1, 50]));
    const { hydrator, content, told, copy } = setUp(replica, await replica.view());
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(hydrator.status).toMatchObject({ state: "complete", pages: 50, pageCount: 50, secondsLeft: 0 });
    expect(told.map((s) => s.state)).toEqual(expect.arrayContaining(["running", "complete"]));
    expect(copy.pages).toBe(50);
    await hydrator.start(); // again: nothing to do
  });

  it("reads a large base in ranges of whole frames, several at a time, each byte once", async () => {
    const replica = await largeReplica();
    const held = heldReader(replica);
    const { hydrator, content, reads } = setUp(replica, await replica.view(), { reader: held.reader, ...manyRanges });
    const done = hydrator.start();
    await until(() => held.waiting.length === 2); // header and tail
    for (const go of held.waiting.splice(0)) go();
    await until(() => held.waiting.length >= 4);
    held.letGo();
    await done;
    expectSameBytes(content(), replica.restored());
    const frames = reads.slice(2).sort((a, b) => a.start - b.start);
    expect(frames.length).toBeGreaterThan(4);
    expect(frames[0]?.start).toBe(100);
    for (let i = 1; i < frames.length; i += 1) expect(frames[i]?.start).toBe(frames[i - 1]?.end);
  });

  it("tells progress that only rises, and not 100 % before everything is verified", async () => {
    const replica = await largeReplica();
    await replica.commit(1500, randomPages(random, 1024, [3, 5]));
    const { hydrator, told } = setUp(replica, await replica.view(), manyRanges);
    await hydrator.start();
    const pages = told.map((s) => s.pages);
    expect([...pages].sort((a, b) => a - b)).toEqual(pages);
    expect(told.filter((s) => s.pages === s.pageCount).map((s) => s.state)).toEqual(["complete"]);
    expect(told.some((s) => s.bytesPerSecond > 0 && (s.secondsLeft ?? 0) > 0)).toBe(true);
  });

  it("keeps to maxBytesPerSecond", async () => {
    const replica = await largeReplica();
    const runtime = fastRuntime();
    const { hydrator, reads } = setUp(replica, await replica.view(), { runtime, ...manyRanges });
    await hydrator.start();
    const bytes = reads.slice(0, -1).reduce((sum, r) => sum + r.end - r.start, 0); // the last one starts when the others had their time
    expect(runtime.clock.monotonicMs()).toBeGreaterThan(((bytes - 512 * 1024) / (256 * 1024)) * 1000);
  });

  it("writes pages that reads brought along, and sets those of the base again from verified bytes", async () => {
    const replica = new TestReplica();
    await replica.commit(40, randomPages(random, 512, upTo(40)));
    await replica.commit(40, randomPages(random, 512, [9]));
    const { hydrator, copy, content, reads } = setUp(replica, await replica.view());
    hydrator.pageArrived(1, 3, new Uint8Array(512).fill(0xee)); // damaged on its way
    hydrator.pageArrived(1, 9, replica.page(replica.newest, 9));
    hydrator.pageArrived(2, 10, new Uint8Array(512).fill(0xee)); // of another view
    hydrator.pageArrived(1, 41, new Uint8Array(512)); // outside
    expect(upTo(40).filter((p) => copy.has(p))).toEqual([3, 9]);
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(reads.map((r) => r.file.minTXID)).toEqual([1n]); // page 9's file was not needed any more
  });

  it("does not write a fetched page that changed meanwhile", async () => {
    const replica = await largeReplica();
    const held = heldReader(replica);
    const view = await replica.view();
    const { hydrator, copy, content } = setUp(replica, view, { reader: held.reader });
    const done = hydrator.start();
    await until(() => held.waiting.length === 2);
    for (const go of held.waiting.splice(0)) go();
    await until(() => held.waiting.length === 1); // the base's only range is under way
    const written = randomPages(random, 1024, [2, 77]);
    await replica.commit(1500, written);
    await hydrator.advance(
      2,
      await replica.next(view),
      [...written].map(([pgno, data]) => ({ pgno, data })),
    );
    expect(copy.applied).toBe(2);
    held.letGo();
    await done;
    expectSameBytes(content(), replica.restored());
  });

  it("shrinks and grows again without old bytes: page 60 is new content or zeros", async () => {
    for (const given of [true, false]) {
      const replica = new TestReplica();
      await replica.commit(100, randomPages(random, 512, upTo(100)));
      let view = await replica.view();
      const { hydrator, content, fs } = setUp(replica, view);
      await hydrator.start();
      await replica.commit(50, randomPages(random, 512, [1]));
      await replica.commit(100, randomPages(random, 512, [1, 100])); // 51 to 99 are in no file
      view = await replica.next(await replica.next(view));
      const pages = [1, 100].map((pgno) => ({ pgno, data: replica.page(replica.newest, pgno) }));
      await hydrator.advance(2, view, given ? pages : []);
      await hydrator.start();
      expectSameBytes(content(), replica.restored());
      await replica.commit(20, randomPages(random, 512, [2]));
      await hydrator.advance(3, await replica.next(view), []);
      await hydrator.start();
      expect(fs.stat("/copy")?.size).toBe(20 * 512);
      expectSameBytes(content(), replica.restored());
    }
  });

  it("fetches what changed and was not given, with one request a file", async () => {
    const replica = await largeReplica();
    const view = await replica.view();
    const { hydrator, content, reads, told } = setUp(replica, view);
    await hydrator.start();
    const before = reads.length;
    await replica.commit(1510, randomPages(random, 1024, [...upTo(500), ...upTo(1510).slice(1500)]));
    await hydrator.advance(2, await replica.next(view), []);
    expect(hydrator.status.state).toBe("running");
    await hydrator.start();
    expect(reads.length - before).toBe(1);
    expectSameBytes(content(), replica.restored());
    expect(told.at(-1)).toMatchObject({ state: "complete", pages: 1510 });
  });

  it("stops when told, and goes on where it was", async () => {
    const replica = await largeReplica();
    const held = heldReader(replica);
    const { hydrator, copy, content, reads } = setUp(replica, await replica.view(), { reader: held.reader, ...manyRanges });
    const done = failureOf(hydrator.start());
    await until(() => held.waiting.length === 2);
    for (const go of held.waiting.splice(0)) go();
    await until(() => held.waiting.length >= 2);
    for (const go of held.waiting.splice(0, 2)) go();
    await until(() => copy.pages > 300);
    const stopped = hydrator.stop();
    held.letGo();
    await stopped;
    expect((await done).code).toBe("ABORTED");
    expect(hydrator.status.state).toBe("waiting");
    const before = reads.length;
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(reads.slice(before).every((r) => r.start > 100)).toBe(true); // neither the head nor what was there already
  });

  it("waits for demand reads before each range", async () => {
    const replica = await largeReplica();
    let open: (() => void) | undefined;
    const gate = (): Promise<void> => (open === undefined ? new Promise((resolve) => (open = resolve)) : Promise.resolve());
    const { hydrator, reads } = setUp(replica, await replica.view(), { gate });
    const done = hydrator.start();
    await until(() => open !== undefined);
    expect(reads.length).toBeLessThanOrEqual(1);
    open?.();
    await done;
  });

  it("makes a database without pages complete at once", async () => {
    const replica = new TestReplica();
    await replica.commit(3, randomPages(random, 512, upTo(3)));
    await replica.commit(0, new Map());
    const { hydrator, content } = setUp(replica, await replica.view());
    await hydrator.start();
    expect(content().byteLength).toBe(0);
    expect(hydrator.status.state).toBe("complete");
  });
});

describe("Hydrator, when things fail", () => {
  it("reports a corrupt base by its key, and takes its pages back", async () => {
    const replica = await largeReplica();
    await replica.commit(1500, randomPages(random, 1024, [4]));
    const inner = storeRangeReader(replica.store);
    let damaged = true;
    const reader: RangeReader = {
      read: async (file, start, end, options) => {
        const bytes = (await inner.read(file, start, end, options)).slice();
        const at = 700_000 - start; // a literal of an incompressible page: only the file checksum can tell
        if (damaged && file.minTXID === 1n && at >= 0 && at < bytes.byteLength) bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      },
    };
    const { hydrator, copy, content, told } = setUp(replica, await replica.view(), { reader, ...manyRanges });
    const failure = await failureOf(hydrator.start());
    expect(failure.code).toBe("HYDRATION_FAILED");
    expect(failure.cause).toMatchObject({ code: "LTX_CORRUPT", message: expect.stringContaining(layout.key(0, 1n as never, 1n as never)) });
    expect(upTo(1500).filter((p) => copy.has(p))).toEqual([4]);
    expect(told.at(-1)).toMatchObject({ state: "failed", pages: 1 });
    expect(told.some((s) => s.pages === s.pageCount)).toBe(false);
    damaged = false;
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
  });

  it("writes nothing of a small file that is corrupt", async () => {
    const replica = new TestReplica();
    await replica.commit(20, randomPages(random, 512, upTo(20)));
    const inner = storeRangeReader(replica.store);
    const reader: RangeReader = {
      read: async (...args) => {
        const bytes = (await inner.read(...args)).slice();
        bytes[3000] = (bytes[3000] ?? 0) ^ 1;
        return bytes;
      },
    };
    const { hydrator, copy } = setUp(replica, await replica.view(), { reader });
    hydrator.pageArrived(1, 2, replica.page(replica.newest, 2));
    const failure = await failureOf(hydrator.start());
    expect(failure).toMatchObject({ code: "HYDRATION_FAILED", cause: { code: "LTX_CORRUPT" } });
    expect(copy.pages).toBe(0);
  });

  it("rejects with REPLICA_FILE_GONE when a planned file vanished, and goes on with a new plan", async () => {
    const replica = await largeReplica();
    await replica.snapshot();
    for (let i = 0; i < 4; i += 1) await replica.commit(1500, randomPages(random, 1024, [10 + i, 20]));
    const { hydrator, content, told } = setUp(replica, await replica.view());
    await replica.compact(2, 5);
    expect((await failureOf(hydrator.start())).code).toBe("REPLICA_FILE_GONE");
    expect(hydrator.status.state).toBe("waiting");
    await hydrator.replan(await replica.view());
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(told.map((s) => s.state)).not.toContain("failed");
  });

  it("asks for a new plan by itself where it can", async () => {
    const replica = await largeReplica();
    await replica.snapshot();
    for (let i = 0; i < 4; i += 1) await replica.commit(1500, randomPages(random, 1024, [10 + i, 20]));
    const first = await replica.view();
    const { hydrator, copy, content, told } = setUp(replica, first, { replan: (view) => replica.view(view.txid) });
    await replica.compact(2, 5);
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(told.map((s) => s.state).filter((state, i, all) => state !== all[i - 1])).toEqual(["running", "complete"]);

    // A view that comes from the first one, not from what replaced it: what did not change stays.
    await replica.commit(1500, randomPages(random, 1024, [7]));
    const next = await replica.next(first);
    const pages = copy.pages;
    await hydrator.advance(2, next, [{ pgno: 7, data: replica.page(replica.newest, 7) }]);
    expect(copy.pages).toBe(pages);
    expect(hydrator.status.state).toBe("complete");
    expectSameBytes(content(), replica.restored());
  });

  it("takes up a follower's run again at the next view, when no plan leads to the last one any more", async () => {
    const replica = await largeReplica();
    await replica.snapshot();
    const view = await replica.view();
    const { hydrator, content, copy } = setUp(replica, view, { replan: (v) => replica.view(v.txid) });
    await hydrator.start();
    await replica.commit(1500, randomPages(random, 1024, [3]));
    const second = await replica.next(view);
    await replica.commit(1500, randomPages(random, 1024, [4]));
    const third = await replica.next(second);
    await replica.compact(2, 3); // TXID 2 can't be had any more
    await hydrator.advance(2, second, []);
    expect((await failureOf(hydrator.start())).cause).toMatchObject({ code: "OUT_OF_RANGE" });
    expect(copy.has(3)).toBe(false);
    await hydrator.advance(3, third, []);
    expect(hydrator.status.state).toBe("running");
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
  });

  it("fetches pages of a base that vanished before it was verified again from the new one", async () => {
    const replica = await largeReplica();
    await replica.commit(1500, randomPages(random, 1024, [4]));
    const inner = storeRangeReader(replica.store);
    let reads = 0;
    let damaged = true;
    const reader: RangeReader = {
      read: async (file, start, end, options) => {
        reads += 1;
        if (reads === 6) {
          await replica.snapshot();
          await replica.store.delete(layout.key(0, 1n as never, 1n as never));
        }
        const bytes = (await inner.read(file, start, end, options)).slice();
        if (damaged && file.minTXID === 1n && start > 100) bytes[500] = (bytes[500] ?? 0) ^ 1;
        return bytes;
      },
    };
    const { hydrator, content } = setUp(replica, await replica.view(), { reader, ...manyRanges });
    expect((await failureOf(hydrator.start())).code).toBe("REPLICA_FILE_GONE");
    damaged = false;
    await hydrator.replan(await replica.view());
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
  });

  it("tries again while the store is away, and gives up when it stays away", async () => {
    const replica = new TestReplica();
    await replica.commit(20, randomPages(random, 512, upTo(20)));
    const inner = storeRangeReader(replica.store);
    let failures = 5;
    const reader: RangeReader = {
      read: (...args) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new HeadwaterError("STORE_UNAVAILABLE", "down")) : inner.read(...args);
      },
    };
    const { hydrator, content, reads } = setUp(replica, await replica.view(), { reader });
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
    expect(reads.length).toBe(6);

    failures = Number.POSITIVE_INFINITY;
    const other = setUp(replica, await replica.view(), { reader });
    expect(await failureOf(other.hydrator.start())).toMatchObject({
      code: "HYDRATION_FAILED",
      retryable: true,
      cause: { code: "STORE_UNAVAILABLE" },
    });
  });

  it("ends at a full disk, keeps the pages that are there and right, and tries again when asked", async () => {
    const replica = await largeReplica();
    const view = await replica.view();
    const { hydrator, copy, fs, content, told } = setUp(replica, view);
    fs.failNext("write", 4); // the first run of pages got through
    const failure = await failureOf(hydrator.start());
    expect(failure).toMatchObject({ code: "HYDRATION_FAILED", cause: { code: "ENOSPC" } });
    expect(told.at(-1)?.state).toBe("failed");
    const there = upTo(1500).filter((p) => copy.has(p));
    expect(there.length).toBeGreaterThan(0);

    // Views go on meanwhile: bits must follow, though nothing is written.
    const written = randomPages(random, 1024, [there[0] ?? 0, 1200]);
    await replica.commit(1200, written);
    await hydrator.advance(
      2,
      await replica.next(view),
      [...written].map(([pgno, data]) => ({ pgno, data })),
    );
    expect(copy.applied).toBe(2);
    expect(upTo(1500).filter((p) => copy.has(p))).toEqual(there.slice(1).filter((p) => p < 1200));
    const bytes = content();
    for (const p of there.slice(1)) expect(bytes.slice((p - 1) * 1024, p * 1024)).toEqual(replica.page(replica.newest, p));
    await hydrator.start();
    expectSameBytes(content(), replica.restored());
  });

  it("fails when another program changed the file's size, before it is complete and after", async () => {
    const replica = await largeReplica();
    const view = await replica.view();
    const { hydrator, fs } = setUp(replica, view, {
      gate: async () => fs.open("/copy", "r+").truncate(2_000_000),
    });
    expect(await failureOf(hydrator.start())).toMatchObject({ code: "HYDRATION_FAILED" });

    const other = setUp(replica, view);
    await other.hydrator.start();
    other.fs.open("/copy", "r+").truncate(10);
    expect(LocalCopyReader.open(other.fs, other.copy.shared).read(9, new Uint8Array(1024), 0)).toBe(false);
    await replica.commit(1500, randomPages(random, 1024, [3]));
    await other.hydrator.advance(2, await replica.next(view), []);
    expect(other.hydrator.status.state).toBe("failed");
    expect(other.hydrator.failure?.code).toBe("HYDRATION_FAILED");
  });
});
