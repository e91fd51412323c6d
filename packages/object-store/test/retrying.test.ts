import { HeadwaterError } from "@headwater/core";
import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { MemoryObjectStore, type ObjectStore, type Retry, RetryingObjectStore } from "../src/index.js";
import { FaultyObjectStore, HookedObjectStore, type StoreCall } from "../src/testing.js";

const body = Uint8Array.of(1, 2, 3);

function setUp(fail: (call: StoreCall) => Error | undefined): {
  runtime: ManualRuntime;
  inner: ObjectStore;
  seen: StoreCall[];
  retries: Retry[];
  store: RetryingObjectStore;
} {
  const runtime = new ManualRuntime({ seed: 7 });
  const inner = new MemoryObjectStore({ clock: runtime.clock });
  const seen: StoreCall[] = [];
  const retries: Retry[] = [];
  const flaky = new HookedObjectStore(inner, {
    before(call) {
      seen.push(call);
      const error = fail(call);
      if (error !== undefined) throw error;
    },
  });
  return { runtime, inner, seen, retries, store: new RetryingObjectStore(flaky, { runtime, onRetry: (retry) => retries.push(retry) }) };
}

const unavailable = (): HeadwaterError => new HeadwaterError("STORE_UNAVAILABLE", "test");

/** Lets the clock run until the call has ended. */
async function settled<T>(runtime: ManualRuntime, call: Promise<T>): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  void Promise.allSettled([call]).then(([r]) => {
    result = r;
  });
  for (let step = 0; result === undefined; step += 1) {
    if (step > 1000) throw new Error("the call does not end");
    await runtime.advance(100);
  }
  return result;
}

describe("RetryingObjectStore", () => {
  const calls: [string, (store: ObjectStore) => Promise<unknown>][] = [
    ["get", (store) => store.get("k")],
    ["head", (store) => store.head("k")],
    ["put", (store) => store.put("k", body)],
    ["delete", (store) => store.delete("k")],
    ["list", async (store) => (await store.list("")[Symbol.asyncIterator]().next()).value],
  ];

  it.each(calls)("tries %s again until it succeeds", async (kind, call) => {
    const { runtime, inner, seen, retries, store } = setUp(({ number }) => (number <= 5 ? unavailable() : undefined));
    await inner.put("k", body);
    expect((await settled(runtime, call(store))).status).toBe("fulfilled");
    expect(seen.map((c) => c.kind)).toEqual(Array.from({ length: 6 }, () => kind));
    expect(retries.map((r) => [r.kind, r.failures])).toEqual([1, 2, 3, 4, 5].map((n) => [kind, n]));
  });

  it.each(calls)("gives %s up after eight failures, with the last error", async (_kind, call) => {
    const { runtime, seen, store } = setUp(unavailable);
    expect(await settled(runtime, call(store))).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } });
    expect(seen).toHaveLength(8);
  });

  it.each(["STORE_NOT_FOUND", "STORE_DENIED", "STORE_PRECONDITION", "OUT_OF_RANGE", "STORE_NO_BUCKET", "CLOSED"] as const)(
    "passes %s on at once",
    async (code) => {
      const { runtime, seen, store } = setUp(() => new HeadwaterError(code, "test"));
      expect(await settled(runtime, store.get("k"))).toMatchObject({ reason: { code } });
      expect(seen).toHaveLength(1);
    },
  );

  it("passes on what is no error of ours", async () => {
    const { runtime, seen, store } = setUp(() => new TypeError("a bug"));
    expect(await settled(runtime, store.get("k"))).toMatchObject({ reason: { message: "a bug" } });
    expect(seen).toHaveLength(1);
  });

  it("goes by what the error says of itself", async () => {
    const error = new HeadwaterError("STORE_DENIED", "credentials are being renewed", { retryable: true });
    const { runtime, inner, store } = setUp(({ number }) => (number === 1 ? error : undefined));
    await inner.put("k", body);
    expect((await settled(runtime, store.get("k"))).status).toBe("fulfilled");
  });

  it.each([{ ifNoneMatch: "*" as const }, { ifMatch: '"x"' as never }])("never tries a put with %j again", async (precondition) => {
    const { runtime, seen, store } = setUp(unavailable);
    expect(await settled(runtime, store.put("k", body, { precondition }))).toMatchObject({ reason: { code: "STORE_UNAVAILABLE" } });
    expect(seen).toHaveLength(1);
    expect(runtime.sleeping).toBe(0);
  });

  it("waits longer each time, between half of the delay and all of it, up to the longest", async () => {
    const { runtime, retries, store } = setUp(unavailable);
    await settled(runtime, store.get("k"));
    const full = [50, 100, 200, 400, 800, 1600, 3200];
    expect(retries).toHaveLength(full.length);
    for (const [i, { delayMs }] of retries.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual((full[i] ?? 0) / 2);
      expect(delayMs).toBeLessThan(full[i] ?? 0);
    }
    const impatient = new RetryingObjectStore(
      new FaultyObjectStore(new MemoryObjectStore(runtime), { nth: 1, side: "before", mode: "persistent" }),
      {
        runtime,
        failuresMax: 20,
        maxDelayMs: 60,
        onRetry: (retry) => retries.push(retry),
      },
    );
    retries.length = 0;
    await settled(runtime, impatient.get("k"));
    expect(Math.max(...retries.map((r) => r.delayMs))).toBeLessThan(60);
    expect(retries).toHaveLength(19);
  });

  it("stops waiting when the signal fires", async () => {
    const { runtime, seen, store } = setUp(unavailable);
    const controller = new AbortController();
    const call = store.get("k", { signal: controller.signal });
    await runtime.advance(0);
    expect(runtime.sleeping).toBe(1);
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "ABORTED" });
    expect(seen).toHaveLength(1);
  });

  it("goes on with a listing behind the last key, and counts only failures without progress", async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `k/${String(i).padStart(2, "0")}`);
    // Five failures before each page: more than the budget in all, never more than it in a row.
    const { runtime, inner, seen, store } = setUp(({ number }) => (number % 6 === 0 ? undefined : unavailable()));
    for (const key of keys) await inner.put(key, body);
    const found: string[] = [];
    const all = (async () => {
      for await (const page of store.list("k/", { pageSize: 1 })) found.push(...page.objects.map((o) => o.key));
    })();
    expect((await settled(runtime, all)).status).toBe("fulfilled");
    expect(found).toEqual(keys);
    expect(seen).toHaveLength(6 * keys.length);
    expect(seen.at(-1)?.options.startAfter).toBe("k/18");
  });
});
