import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { dropMemoryStore, memoryStore } from "../src/index.js";
import { describeObjectStore } from "../src/testing.js";
import { memoryProfile } from "./support/profiles.js";

describeObjectStore(memoryProfile, { describe, it });

describe("memoryStore", () => {
  const { clock } = new ManualRuntime();

  it("gives handles on the same objects for the same name, and on others for another", async () => {
    const one = memoryStore("one", clock);
    const { etag } = await one.put("k", Uint8Array.of(1));
    expect((await memoryStore("one", clock).get("k")).etag).toBe(etag);
    await expect(memoryStore("two", clock).get("k")).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
    dropMemoryStore("one");
    await expect(memoryStore("one", clock).get("k")).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
  });

  it("closes only the handle that is closed", async () => {
    const one = memoryStore("closing", clock);
    await one.put("k", Uint8Array.of(1));
    await one.close();
    await expect(one.get("k")).rejects.toMatchObject({ code: "CLOSED" });
    expect((await memoryStore("closing", clock).get("k")).size).toBe(1);
  });

  it("tells the time of the clock that it was given", async () => {
    const runtime = new ManualRuntime({ nowMs: 5_000 });
    const store = memoryStore("time", runtime.clock);
    await runtime.advance(1_000);
    expect((await store.put("k", Uint8Array.of(1))).dateMs).toBe(6_000);
    await runtime.advance(1_000);
    expect(await store.head("k")).toMatchObject({ lastModifiedMs: 6_000, dateMs: 7_000 });
  });
});
