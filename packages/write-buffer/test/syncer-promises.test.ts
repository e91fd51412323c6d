import { HeadwaterError } from "@headwater/core";
import { ManualRuntime, testSeed } from "@headwater/core/testing";
import type { StoreCall } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { commit, pageOf } from "./support.js";
import { Bench } from "./sync-support.js";

testSeed("syncer-promises");

describe("a writer without a pause", () => {
  it.each([10, 400, 1000])("is never more than two intervals and a put behind; a put takes %i ms", async (putMs) => {
    const intervalMs = 1000;
    const runtime = new ManualRuntime();
    let puts = 0;
    const before = async ({ kind }: StoreCall): Promise<void> => {
      if (kind !== "put") return;
      puts += 1;
      await runtime.timers.sleep(putMs);
    };
    const bench = new Bench({ syncIntervalMs: intervalMs, runtime, hooks: { before } });
    let worstMs = 0;
    for (let n = 1; n <= 2000; n += 1) {
      commit(bench.log, n, 2, { 2: pageOf(n) });
      bench.syncer.notifyCommit();
      await runtime.advance(5);
      worstMs = Math.max(worstMs, bench.syncer.lagMs ?? 0);
    }
    expect(worstMs).toBeLessThanOrEqual(2 * intervalMs + putMs);
    // Nor does it sync more often for that.
    expect(puts).toBeLessThanOrEqual(10_000 / intervalMs);
    expect(puts).toBeGreaterThanOrEqual(10_000 / (2 * intervalMs));
    const closing = bench.syncer.close();
    await runtime.advance(2 * putMs);
    await closing;
    expect(bench.syncer.position.sequence).toBe(2000);
  });
});

describe("confirm", () => {
  const down = (): never => {
    throw new HeadwaterError("STORE_UNAVAILABLE", "down");
  };

  it("uploads at once, and shares a put with those that come during another", async () => {
    const bench = new Bench({ syncIntervalMs: 0 });
    expect(await bench.syncer.confirm(commit(bench.log, 1, 2, { 2: pageOf(1) }), 1000)).toBe(1n);
    const first = bench.syncer.confirm(commit(bench.log, 2, 2, { 2: pageOf(2) }), 1000);
    const others = [3, 4, 5].map((n) => bench.syncer.confirm(commit(bench.log, n, 2, { 2: pageOf(n) }), 1000));
    expect([await first, ...(await Promise.all(others))].every((txid) => txid <= 3n)).toBe(true);
    await bench.syncer.close();
  });

  it("says at the deadline that the commit is here and still retried; each one in an outage makes no attempt of its own", async () => {
    let isDown = true;
    let puts = 0;
    const before = ({ kind }: StoreCall): void => {
      if (kind !== "put") return;
      puts += 1;
      if (isDown) down();
    };
    const bench = new Bench({ hooks: { before } });
    const failed: unknown[] = [];
    for (let n = 1; n <= 100; n += 1) {
      bench.syncer.confirm(commit(bench.log, n, 2, { 2: pageOf(n) }), 5000).catch((error) => failed.push(error));
      await bench.runtime.advance(100);
    }
    expect(puts).toBeLessThan(12);
    expect(failed.length).toBeGreaterThan(40);
    expect(failed[0]).toMatchObject({ code: "NOT_DURABLE", retryable: false, cause: { code: "STORE_UNAVAILABLE" } });
    isDown = false;
    await bench.runtime.advance(60_000);
    expect(bench.syncer.position).toMatchObject({ sequence: 100 });
    await bench.syncer.close();
  });

  it("rejects at once where trying again does not help, and the attempts go on", async () => {
    let isDenied = true;
    const before = ({ kind }: StoreCall): void => {
      if (kind === "put" && isDenied) throw new HeadwaterError("STORE_DENIED", "denied");
    };
    const bench = new Bench({ hooks: { before } });
    const sequence = commit(bench.log, 1, 2, { 2: pageOf(1) });
    await expect(bench.syncer.confirm(sequence, 60_000)).rejects.toMatchObject({ code: "NOT_DURABLE", cause: { code: "STORE_DENIED" } });
    isDenied = false;
    await bench.runtime.advance(1000);
    expect(await bench.syncer.durable(sequence)).toBe(1n);
    await bench.syncer.close();
  });
});
