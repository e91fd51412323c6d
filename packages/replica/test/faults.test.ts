import type { MemoryObjectStore } from "@headwater/object-store";
import { FaultyObjectStore } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { createLayout, listReplica, openView, PageReader, planRestore, storeRangeReader } from "../src/index.js";
import { pageBytes, range, TestReplica } from "./support.js";

/** The whole way of a reader: list, plan, open, read. */
async function readAll(store: FaultyObjectStore | MemoryObjectStore): Promise<Map<number, Uint8Array>> {
  const layout = createLayout("s3", "app");
  const plan = planRestore((await listReplica(store, layout)).files);
  if (plan === undefined) throw new Error("empty");
  const { view } = await openView(store, layout, plan, { tailBytes: 64 });
  return new PageReader({ reader: storeRangeReader(store), rangeBytesMax: 2000 }).readPages(view, range(1, view.commit));
}

describe("a reader whose n-th request fails, for every n", () => {
  it.each([
    ["transient", "before"],
    ["transient", "after"],
    ["persistent", "before"],
  ] as const)("says so (%s, request lost %s it was done), hangs on nothing, and works when the store does again", async (mode, side) => {
    const replica = new TestReplica();
    await replica.put({ min: 1, max: 3, level: 9, commit: 20, pages: range(1, 20) });
    for (const n of range(4, 8)) await replica.put({ min: n, commit: 20, pages: [n] });
    let failed = 0;
    let requests = Number.POSITIVE_INFINITY;
    for (let nth = 1; nth <= requests; nth += 1) {
      const store = new FaultyObjectStore(replica.inner, { nth, mode, side });
      const outcome = await readAll(store).then(
        (pages) => pages.size,
        (error: { code?: string }) => error.code,
      );
      if (store.hits === 0) requests = store.calls;
      else if (outcome !== 20) {
        failed += 1;
        expect(outcome).toBe("STORE_UNAVAILABLE");
      }
      // Only the three listings that turned out not to be needed may fail unseen.
      if (store.hits > 0 && outcome === 20) expect(nth).toBeLessThanOrEqual(4);
      expect((await readAll(new FaultyObjectStore(replica.inner))).get(5)).toEqual(pageBytes(512, 5, 5));
    }
    expect(failed).toBeGreaterThan(15);
  });
});
