import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { MemoryObjectStore, type ObjectStore } from "../src/index.js";
import { faultSweep } from "../src/testing.js";

const { clock } = new ManualRuntime();

/** Keeps two objects in step, first the copy and then the original: right whatever is lost. */
async function writeBoth(store: ObjectStore): Promise<void> {
  await store.put("copy", Uint8Array.of(2));
  await store.put("original", Uint8Array.of(2));
}

async function prepare(): Promise<ObjectStore> {
  const store = new MemoryObjectStore({ clock });
  await store.put("copy", Uint8Array.of(1));
  await store.put("original", Uint8Array.of(1));
  return store;
}

async function versions(store: ObjectStore): Promise<number[]> {
  return Promise.all(["copy", "original"].map(async (key) => (await store.get(key)).body[0] ?? 0));
}

describe("faultSweep", () => {
  it("fails every request in turn, before and after, once and for ever", async () => {
    const seen = new Set<string>();
    const struck = await faultSweep({
      prepare,
      body: writeBoth,
      async check({ inner, error, fault, hits }) {
        const now = (await versions(inner)).join();
        seen.add(`${fault.mode} ${fault.side} ${fault.nth}: ${now}`);
        expect(error === undefined).toBe(hits === 0);
        expect(["1,1", "2,1", "2,2"]).toContain(now);
        if (hits === 0) expect(now).toBe("2,2");
      },
    });
    expect(struck).toBe(8);
    expect([...seen].sort()).toEqual(
      ["persistent", "transient"].flatMap((mode) => [
        `${mode} after 1: 2,1`,
        `${mode} after 2: 2,2`,
        `${mode} after 3: 2,2`,
        `${mode} before 1: 1,1`,
        `${mode} before 2: 2,1`,
        `${mode} before 3: 2,2`,
      ]),
    );
  });

  it("says which fault it was that broke a rule", async () => {
    const sweep = faultSweep({
      prepare,
      body: writeBoth,
      check: async ({ inner }) => expect(new Set(await versions(inner)).size).toBe(1),
    });
    await expect(sweep).rejects.toThrow("nth=2 mode=transient side=before");
  });

  it("gives up on what meets a fault in every trial", async () => {
    const more = async (store: ObjectStore): Promise<void> => {
      for (let i = 0; i < 10; i += 1) await store.head("copy");
    };
    await expect(faultSweep({ prepare, body: more, check: async () => {}, trialsMax: 3 })).rejects.toThrow(
      "still failing requests after 3 trials",
    );
  });
});
