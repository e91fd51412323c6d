import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../src/clock.js";
import { trafficOf } from "../src/proxy/request-log.js";
import { SlowProxy } from "../src/proxy/slow-proxy.js";
import { Bucket, bytesContent } from "../src/store/bucket.js";
import type { Store } from "../src/store/message.js";
import { s3Store } from "../src/store/s3-store.js";

let proxy: SlowProxy;
let store: Store;
beforeEach(async () => {
  const bucket = new Bucket();
  bucket.seed("x", bytesContent(new Uint8Array(200_000)));
  store = s3Store(bucket);
  proxy = await SlowProxy.listen(store);
});
afterEach(() => proxy.close());

const get = async (key = "x"): Promise<number> => (await (await fetch(`${proxy.endpoint}/bench/${key}`)).arrayBuffer()).byteLength;

describe("the slow proxy", () => {
  it("counts requests and bytes, and sees which came after which", async () => {
    // The first two are answered only when both have come.
    let arrived = 0;
    let bothArrived = (): void => {};
    const both = new Promise<void>((resolve) => {
      bothArrived = resolve;
    });
    const held = await SlowProxy.listen(async (request) => {
      arrived += 1;
      if (arrived === 2) bothArrived();
      await both;
      return await store(request);
    });
    try {
      const url = `${held.endpoint}/bench/x`;
      const read = async (): Promise<number> => (await (await fetch(url)).arrayBuffer()).byteLength;
      await Promise.all([read(), read()]);
      await held.idle();
      expect(await read()).toBe(200_000);
      await held.idle();
      await fetch(`${held.endpoint}/bench/new`, { method: "PUT", body: "12345" });
      await held.idle();
      const log = held.takeLog();
      expect(trafficOf(log)).toMatchObject({ requests: 4, byKind: { GET: 3, PUT: 1 }, bytesOut: 600_000, bytesIn: 5, roundTrips: 3 });
      expect(held.takeLog()).toEqual([]);
    } finally {
      await held.close();
    }
  });

  it("makes every reply late", async () => {
    proxy.network = { latencyMs: 40 };
    await Promise.all([get(), get("missing"), get()]);
    await proxy.idle();
    const log = proxy.takeLog();
    expect(log.map(({ status }) => status).sort()).toEqual([200, 200, 404]);
    for (const { startMs, endMs } of log) expect(endMs - startMs).toBeGreaterThanOrEqual(40);
  });

  it("keeps to a bandwidth", async () => {
    proxy.network = { latencyMs: 0, bytesPerSecond: 2_000_000 };
    const startedMs = monotonicMs();
    await get();
    expect(monotonicMs() - startedMs).toBeGreaterThanOrEqual(65);
  });

  it("notes what was sent to a client that has gone, and goes on", async () => {
    proxy.network = { latencyMs: 0, bytesPerSecond: 100_000 };
    const abort = new AbortController();
    const response = await fetch(`${proxy.endpoint}/bench/x`, { signal: abort.signal });
    abort.abort();
    await expect(response.arrayBuffer()).rejects.toThrow();
    await proxy.idle();
    expect(proxy.takeLog()).toMatchObject([{ status: 200 }]);
    proxy.network = { latencyMs: 0 };
    expect(await get()).toBe(200_000);
  });
});
