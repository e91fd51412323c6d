import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { CountingObjectStore, MemoryObjectStore, type RequestCounts, RetryingObjectStore } from "../src/index.js";
import { FaultyObjectStore } from "../src/testing.js";

const zero = { count: 0, bytes: 0 };
const none: RequestCounts = { list: zero, get: zero, put: zero, head: zero, delete: zero };
const { clock } = new ManualRuntime();

describe("CountingObjectStore", () => {
  it("counts requests and the bytes that they carried", async () => {
    const store = new CountingObjectStore(new MemoryObjectStore({ clock }));
    expect(store.counts).toEqual(none);
    await store.put("a", new Uint8Array(100));
    await store.put("b", new Uint8Array(50), { precondition: { ifNoneMatch: "*" } });
    await store.get("a", { range: { start: 10, end: 30 } });
    await store.get("b");
    await store.head("a");
    await store.delete("b");
    expect(store.counts).toEqual({
      list: zero,
      get: { count: 2, bytes: 70 },
      put: { count: 2, bytes: 150 },
      head: { count: 1, bytes: 0 },
      delete: { count: 1, bytes: 0 },
    });
    expect(JSON.parse(JSON.stringify(store.counts))).toEqual(structuredClone(store.counts));
  });

  it("counts each page of a listing that was fetched, and no more", async () => {
    const inner = new MemoryObjectStore({ clock });
    for (let i = 0; i < 5; i += 1) await inner.put(`k${i}`, new Uint8Array());
    const store = new CountingObjectStore(inner);
    for await (const page of store.list("k", { pageSize: 2 })) expect(page.objects.length).toBeGreaterThan(0);
    expect(store.counts.list.count).toBe(3);
    for await (const page of store.list("k", { pageSize: 2 })) if (page.truncated) break;
    expect(store.counts.list.count).toBe(4);
  });

  it("counts what failed, and under retries each attempt", async () => {
    const runtime = new ManualRuntime();
    const faulty = new FaultyObjectStore(new MemoryObjectStore({ clock }), { nth: 2, side: "before", mode: "transient", kinds: ["put"] });
    const store = new CountingObjectStore(faulty);
    const retrying = new RetryingObjectStore(store, { runtime });
    await retrying.put("a", new Uint8Array(10));
    const second = retrying.put("a", new Uint8Array(10));
    await runtime.advance(1000);
    await second;
    await expect(store.get("missing")).rejects.toThrow();
    expect(store.counts).toEqual({ ...none, put: { count: 3, bytes: 30 }, get: { count: 1, bytes: 0 } });
    expect(faulty.hits).toBe(1);
  });

  it("tells a listener, for counters that live elsewhere", async () => {
    const told: unknown[] = [];
    const store = new CountingObjectStore(new MemoryObjectStore({ clock }), (...args) => told.push(args));
    await store.put("a", new Uint8Array(3));
    await store.get("a");
    expect(told).toEqual([
      ["put", 1, 0],
      ["put", 0, 3],
      ["get", 1, 0],
      ["get", 0, 3],
    ]);
  });
});
