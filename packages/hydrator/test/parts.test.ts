import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { listReplica, openView, PageReader, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { Hydrator, LocalCopy } from "../src/index.js";
import { expectSameBytes, fastRuntime, layout, randomPages, TestReplica, upTo } from "./support.js";

const random = new SeededRandom(testSeed("parts"));
const PAGES = 1500;

/** A view whose base has its page index in parts, as very large ones have. */
async function viewInParts(replica: TestReplica): Promise<View> {
  const plan = planRestore((await listReplica(replica.store, layout)).files);
  if (plan === undefined) throw new Error("no plan");
  const { view } = await openView(replica.store, layout, plan, { tailBytes: 100, headBytes: 100, indexBytesMax: 1 });
  expect(view.partlyIndexed?.minTXID).toBe(1n);
  return view;
}

function hydratorOn(replica: TestReplica, view: View): { readonly copy: LocalCopy; readonly hydrator: Hydrator } {
  const copy = LocalCopy.create({ fs: new MemoryFileSystem(), path: "/copy", pageSize: 1024, pages: view.commit, viewId: 1 });
  return { copy, hydrator: new Hydrator({ copy, view, viewId: 1, runtime: fastRuntime(), reader: storeRangeReader(replica.store) }) };
}

const tooLarge = expect.objectContaining({
  code: "HYDRATION_FAILED",
  message: expect.stringMatching(/too large to be hydrated.*key=db\//),
});

describe("a database whose page index is read in parts", () => {
  it("is not hydrated, which is said by name; pages that were read are kept", async () => {
    const replica = new TestReplica(1024);
    await replica.commit(PAGES, randomPages(random, 1024, upTo(PAGES)));
    const view = await viewInParts(replica);
    const { copy, hydrator } = hydratorOn(replica, view);
    await expect(hydrator.start()).rejects.toEqual(tooLarge);
    expect([hydrator.status.state, hydrator.failure?.code]).toEqual(["failed", "HYDRATION_FAILED"]);
    const pages = await new PageReader({ reader: storeRangeReader(replica.store) }).readPages(view, [700, 701]);
    for (const [pgno, data] of pages) hydrator.pageArrived(1, pgno, data);
    expect([copy.has(700), copy.has(701), copy.has(702)]).toEqual([true, true, false]);
  });

  it("moves its copy on to later views, in which what changed is no longer there", async () => {
    const replica = new TestReplica(1024);
    await replica.commit(PAGES, randomPages(random, 1024, upTo(PAGES)));
    const whole = await replica.view();
    const { copy, hydrator } = hydratorOn(replica, whole);
    await hydrator.start();
    await replica.commit(PAGES, randomPages(random, 1024, [3, 900]));
    const related = await replica.next(whole);
    await hydrator.advance(2, related, [{ pgno: 3, data: replica.page(replica.newest, 3) }]);
    await hydrator.start();
    // Planned anew, from a snapshot that is too large: nobody can tell what changed without reading all of its index.
    await replica.commit(PAGES + 1, randomPages(random, 1024, [4, PAGES + 1]));
    await replica.snapshot();
    const parts = await viewInParts(replica);
    await hydrator.advance(3, parts, []);
    await expect(hydrator.start()).rejects.toEqual(tooLarge);
    expect([copy.applied, copy.pageCount, copy.pages]).toEqual([3, PAGES + 1, 0]);
    hydrator.pageArrived(3, 4, replica.page(replica.newest, 4));
    expect(copy.has(4)).toBe(true);
  });

  it("is hydrated when a later snapshot is small enough", async () => {
    const replica = new TestReplica(1024);
    await replica.commit(PAGES, randomPages(random, 1024, upTo(PAGES)));
    const { copy, hydrator } = hydratorOn(replica, await viewInParts(replica));
    await expect(hydrator.start()).rejects.toEqual(tooLarge);
    await replica.commit(50, randomPages(random, 1024, [1, 50]));
    await replica.snapshot();
    const whole = await replica.view();
    await hydrator.advance(2, whole, []);
    await hydrator.start();
    expect([hydrator.status.state, copy.pages]).toEqual(["complete", 50]);
    expect(whole.partlyIndexed).toBeUndefined();
    expectSameBytes(replica.restored().subarray(0, 1024), replica.page(replica.newest, 1));
  });
});
