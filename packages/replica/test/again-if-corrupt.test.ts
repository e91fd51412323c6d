import { beforeEach, describe, expect, it } from "vitest";
import { listReplica, openView, PageReader, type Plan, planRestore, type RangeReader, storeRangeReader } from "../src/index.js";
import { pageBytes, range, TestReplica } from "./support.js";

// A proxy or a disk that damages bytes on their way: what the store holds is right.
const COMMIT = 5000; // 1.4 MB: more than is read whole
let replica: TestReplica;
let plan: Plan;

beforeEach(async () => {
  replica = new TestReplica();
  await replica.put({ min: 1, max: 1, level: 9, commit: COMMIT, pages: range(1, COMMIT) });
  await replica.put({ min: 2, commit: COMMIT, pages: [7] });
  plan = planRestore((await listReplica(replica.inner, replica.layout)).files) as Plan;
});

/** Damages every range that `where` names, unless it is asked for afresh (or always), and notes what was asked for. */
class DamagingReader implements RangeReader {
  readonly asked: { readonly start: number; readonly end: number; readonly fresh: boolean }[] = [];
  readonly #inner: RangeReader = storeRangeReader(replica.inner);
  readonly #where: (start: number, end: number, size: number) => boolean;
  readonly #always: boolean;

  constructor(where: (start: number, end: number, size: number) => boolean, always = false) {
    this.#where = where;
    this.#always = always;
  }

  async read(...[file, start, end, options = {}]: Parameters<RangeReader["read"]>): Promise<Uint8Array> {
    const fresh = options.fresh === true;
    this.asked.push({ start, end, fresh });
    const bytes = await this.#inner.read(file, start, end, options);
    return this.#where(start, end, file.size) && (this.#always || !fresh) ? bytes.fill(0xa5) : bytes;
  }
}

describe("what can't be decoded is read once more, from the store itself", () => {
  it.each<[string, (start: number, end: number, size: number) => boolean, number]>([
    ["the tail of a large file", (start, end, size) => start > 0 && end === size, 2],
    ["the head of a large file", (start, end, size) => start === 0 && end < size, 2],
    ["a whole small file", (start, end, size) => start === 0 && end === size, 1],
  ])("%s", async (_what, where, again) => {
    const reader = new DamagingReader(where);
    const { view, pages } = await openView(replica.store, replica.layout, plan, { reader });
    expect([view.txid, view.commit]).toEqual([2n, COMMIT]);
    expect(pages.get(7)).toEqual(pageBytes(512, 7, 2));
    expect(reader.asked).toHaveLength(3 + again);
    expect(reader.asked.filter(({ fresh }) => fresh)).toHaveLength(again);
  });

  it("a page", async () => {
    const { view } = await openView(replica.inner, replica.layout, plan);
    const reader = new DamagingReader(() => true);
    const pages = await new PageReader({ reader }).readPages(view, [500, 501]);
    expect(pages.get(500)).toEqual(pageBytes(512, 500, 1));
    expect(reader.asked.map(({ fresh }) => fresh)).toEqual([false, true]);
  });

  it("and no more than once: then it is corrupt", async () => {
    const { view } = await openView(replica.inner, replica.layout, plan);
    const reader = new DamagingReader(() => true, true);
    await expect(new PageReader({ reader }).readPages(view, [500])).rejects.toMatchObject({ code: "LTX_CORRUPT" });
    expect(reader.asked).toHaveLength(2);
    await expect(openView(replica.store, replica.layout, plan, { reader })).rejects.toMatchObject({ code: "LTX_CORRUPT" });
  });

  it("while other errors are passed on at once", async () => {
    const { view } = await openView(replica.inner, replica.layout, plan);
    await replica.inner.delete(view.files[0]?.key ?? "");
    const reader = new DamagingReader(() => true);
    await expect(new PageReader({ reader }).readPages(view, [500])).rejects.toMatchObject({ code: "REPLICA_FILE_GONE" });
    expect(reader.asked).toHaveLength(1);
  });
});
