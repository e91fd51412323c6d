import { type TXID, UNPACED } from "@headwater/core";
import { ManualRuntime, SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { collectBatch } from "../src/sync/batch.js";
import { encodeBatch } from "../src/sync/encode-batch.js";
import { slicesOf } from "../src/sync/pace.js";
import { sortedPgnos } from "../src/sync/sorted-pgnos.js";
import { commit, memoryFs, openLog, pageOf, zeroPage } from "./support.js";
import { Bench, readFiles } from "./sync-support.js";

const seed = testSeed("files");

describe("making a file in slices of time", () => {
  it("yields every few milliseconds, and after some work whatever the clock says", async () => {
    for (const stepMs of [0, 0.5]) {
      const runtime = new ManualRuntime();
      let clockMs = 0;
      let turns = 0;
      let spanMs = 0;
      let lastMs = 0;
      const timers = {
        ...runtime.timers,
        turn: () => {
          turns += 1;
          spanMs = Math.max(spanMs, clockMs - lastMs);
          lastMs = clockMs;
          return runtime.timers.turn();
        },
      };
      const monotonicMs = (): number => {
        clockMs += stepMs;
        return clockMs;
      };
      const slices = slicesOf({ timers, clock: { ...runtime.clock, monotonicMs } });
      const { log, reader } = openLog(memoryFs());
      for (let i = 2; i <= 2000; i += 1) log.write(i, pageOf(i));
      commit(log, 1, 2000, {});
      const batch = await collectBatch(reader, 0, 1, 1e6, slices);
      const identity = { txid: 1n as TXID, pageSize: 512, timestampMs: 1, nodeID: 1n };
      expect((await encodeBatch(reader, batch, identity, slices)).index.count).toBe(2000);
      expect(turns).toBeGreaterThan(3);
      if (stepMs > 0) expect(spanMs).toBeLessThanOrEqual(4);
    }
  });

  it("stops when it is closed in the middle", async () => {
    const ending = new AbortController();
    const { log, reader } = openLog(memoryFs());
    for (let i = 2; i <= 2000; i += 1) log.write(i, pageOf(i));
    commit(log, 1, 2000, {});
    const slices = slicesOf(new ManualRuntime(), ending.signal);
    const batch = await collectBatch(reader, 0, 1, 1e6, slices);
    ending.abort();
    const identity = { txid: 1n as TXID, pageSize: 512, timestampMs: 1, nodeID: 1n };
    await expect(encodeBatch(reader, batch, identity, slices)).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("sorts page numbers of any spread", async () => {
    const random = new SeededRandom(seed);
    const pgnos = Array.from({ length: 5000 }, () => 1 + random.below(random.pick([10, 70_000, 2 ** 32 - 2])));
    const sorted = await sortedPgnos(new Set(pgnos), (pgno) => pgno !== 5, UNPACED);
    expect([...sorted]).toEqual([...new Set(pgnos)].filter((pgno) => pgno !== 5).sort((a, b) => a - b));
  });
});

describe("sizes", () => {
  it("writes page 500, then truncates to 400, in one sync: commit 400 and nothing above", async () => {
    const bench = new Bench();
    const pages = Object.fromEntries(Array.from({ length: 399 }, (_, i) => [i + 2, pageOf(i)]));
    commit(bench.log, 1, 500, { ...pages, 500: pageOf(500) });
    commit(bench.log, 2, 400, {});
    await bench.syncer.sync(2);
    const [file] = await readFiles(bench.store);
    expect([file?.commit, Math.max(...(file?.pages.keys() ?? []))]).toEqual([400, 400]);
    expect(file?.pages.size).toBe(400);
    await bench.syncer.close();
  });

  it("fills pages that a transaction allocated, freed and never wrote with zeros", async () => {
    const bench = new Bench();
    commit(bench.log, 1, 2, { 2: pageOf(2) });
    await bench.syncer.sync(1);
    commit(bench.log, 2, 502, { 10: pageOf(10), 502: pageOf(502) });
    await bench.syncer.sync(2);
    const file = (await readFiles(bench.store))[1];
    expect([...(file?.pages.keys() ?? [])]).toEqual([1, ...Array.from({ length: 500 }, (_, i) => i + 3)]);
    expect(file?.pages.get(300)).toEqual(zeroPage());
    await bench.syncer.close();
  });

  for (const across of [false, true]) {
    it(`shrinks from 100 to 50 and grows to 100 ${across ? "across two syncs" : "within one sync"}: page 60 is zeros, and in the file`, async () => {
      const bench = new Bench();
      const pages = Object.fromEntries(Array.from({ length: 99 }, (_, i) => [i + 2, pageOf(i)]));
      commit(bench.log, 1, 100, pages);
      await bench.syncer.sync(1);
      bench.log.adopt(1);
      commit(bench.log, 2, 50, {});
      if (across) await bench.syncer.sync(2);
      commit(bench.log, 3, 100, { 70: pageOf(7) });
      await bench.syncer.sync(3);
      const last = (await readFiles(bench.store)).at(-1);
      expect(last?.pages.get(60)).toEqual(zeroPage());
      expect(last?.pages.get(70)).toEqual(pageOf(7));
      const into = pageOf(1);
      expect(bench.log.read(60, into, 0)).toBe("zeros");
      bench.log.adopt(3);
      expect(bench.log.read(60, into, 0)).toBe("view");
      await bench.syncer.close();
    });
  }

  it("leaves the lock page out", async () => {
    const pageSize = 65_536;
    const lock = 2 ** 30 / pageSize + 1;
    const base = { txid: 7n as TXID, fileChecksum: 1n, commit: lock - 2 };
    const bench = new Bench({
      log: { pageSize, base },
      position: { txid: 7n as TXID, commit: lock - 2, timestampMs: 0 },
    });
    const one = new Uint8Array(pageSize);
    for (const pgno of [1, lock + 1]) bench.log.write(pgno, one.fill(pgno & 0xff));
    bench.log.completeRecord();
    bench.log.publish();
    bench.log.unlock();
    await bench.syncer.sync(1);
    const [file] = await readFiles(bench.store);
    expect(file?.commit).toBe(lock + 1);
    expect([...(file?.pages.keys() ?? [])]).toEqual([1, lock - 1, lock + 1]);
    await bench.syncer.close();
  });
});
