import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../src/clock.js";
import { trafficOf } from "../src/proxy/request-log.js";
import { SlowProxy } from "../src/proxy/slow-proxy.js";
import { Bucket, bytesContent } from "../src/store/bucket.js";
import { s3Store } from "../src/store/s3-store.js";

let proxy: SlowProxy;
beforeEach(async () => {
  const bucket = new Bucket();
  bucket.seed("x", bytesContent(new Uint8Array(200_000)));
  proxy = await SlowProxy.listen(s3Store(bucket));
});
afterEach(() => proxy.close());

const get = async (key = "x"): Promise<number> => (await (await fetch(`${proxy.endpoint}/bench/${key}`)).arrayBuffer()).byteLength;

describe("the slow proxy", () => {
  it("counts requests and bytes, and sees which came after which", async () => {
    proxy.network = { latencyMs: 40 };
    await Promise.all([get(), get()]);
    expect(await get()).toBe(200_000);
    await fetch(`${proxy.endpoint}/bench/new`, { method: "PUT", body: "12345" });
    await proxy.idle();
    const log = proxy.takeLog();
    expect(trafficOf(log)).toMatchObject({ requests: 4, byKind: { GET: 3, PUT: 1 }, bytesOut: 600_000, bytesIn: 5, roundTrips: 3 });
    expect(proxy.takeLog()).toEqual([]);
  });

  it("makes every reply late, and requests at once late only once", async () => {
    proxy.network = { latencyMs: 40 };
    const startedMs = monotonicMs();
    await Promise.all([get(), get("missing"), get()]);
    expect(monotonicMs() - startedMs).toBeGreaterThanOrEqual(40);
    await proxy.idle();
    const log = proxy.takeLog();
    for (const { startMs, endMs } of log) expect(endMs - startMs).toBeGreaterThanOrEqual(40);
    expect(trafficOf(log).roundTrips).toBe(1);
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
