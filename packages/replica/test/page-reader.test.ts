import { HookedObjectStore } from "@headwater/object-store/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  listReplica,
  openView,
  PageReader,
  type PageReaderOptions,
  planRestore,
  type RangeReader,
  storeRangeReader,
  type View,
} from "../src/index.js";
import { pageBytes, range, TestReplica } from "./support.js";

const COMMIT = 1000;

/** A reader whose ranges wait until they are let go. */
class GatedReader implements RangeReader {
  readonly calls: { start: number; end: number; signal: AbortSignal | undefined; go: () => void; fail: (error: Error) => void }[] = [];
  readonly #inner: RangeReader;
  constructor(inner: RangeReader) {
    this.#inner = inner;
  }
  async read(...[file, start, end, options]: Parameters<RangeReader["read"]>): Promise<Uint8Array> {
    await new Promise<void>((resolve, reject) => {
      options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      this.calls.push({ start, end, signal: options?.signal, go: resolve, fail: reject });
    });
    return this.#inner.read(file, start, end);
  }
}

let replica: TestReplica;
let view: View;

async function viewNow(): Promise<View> {
  const plan = planRestore((await listReplica(replica.inner, replica.layout)).files);
  if (plan === undefined) throw new Error("empty");
  return (await openView(replica.inner, replica.layout, plan)).view;
}

beforeEach(async () => {
  replica = new TestReplica();
  await replica.put({ min: 1, max: 1, level: 9, commit: COMMIT, pages: range(1, COMMIT) });
  view = await viewNow();
  replica.requests();
});

const reading = (options: Partial<PageReaderOptions> = {}): PageReader =>
  new PageReader({ reader: storeRangeReader(replica.store), ...options });

describe("PageReader", () => {
  it("reads neighbours with one request, and gives what lies between along", async () => {
    const pages = await reading().readPages(view, [10, 11, 13]);
    expect(replica.requests().get).toBe(1);
    expect([...pages.keys()].sort((a, b) => a - b)).toEqual([10, 11, 12, 13]);
    for (const [pgno, page] of pages) expect(page).toEqual(pageBytes(512, pgno, 1));
  });

  it("reads what lies far apart with several, whatever the order and however often it is asked", async () => {
    const pages = await reading({ gapBytesMax: 1000 }).readPages(view, [900, 10, 500, 11, 10]);
    expect(replica.requests().get).toBe(3);
    expect([...pages.keys()].sort((a, b) => a - b)).toEqual([10, 11, 500, 900]);
  });

  it("cuts ranges at their limit, and reads a frame that is larger on its own", async () => {
    await reading({ rangeBytesMax: 3000 }).readPages(view, range(1, 100));
    const cut = replica.requests().get;
    expect(cut).toBeGreaterThanOrEqual(10);
    expect(cut).toBeLessThanOrEqual(15);
    await reading({ rangeBytesMax: 1 }).readPages(view, range(1, 10));
    expect(replica.requests().get).toBe(10);
  });

  it("gives zeros for pages that no file holds, without a request", async () => {
    await replica.put({ min: 2, commit: 1200, pages: [1, 1150] });
    const grown = await viewNow();
    replica.requests();
    const pages = await reading().readPages(grown, [1100, 1200]);
    expect(replica.requests().get).toBe(0);
    expect(pages.get(1100)).toEqual(new Uint8Array(512));
    expect((await reading().readPages(grown, [1150])).get(1150)).toEqual(pageBytes(512, 1150, 2));
    expect((await reading().readPages(grown, [])).size).toBe(0);
  });

  it.each([0, -1, 1.5, Number.NaN, COMMIT + 1])("refuses page %d", async (pgno) => {
    await expect(reading().readPages(view, [1, pgno])).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
  });

  it("fetches a frame once, however many ask for it meanwhile", async () => {
    const gate = new GatedReader(storeRangeReader(replica.store));
    const reader = reading({ reader: gate });
    const both = [reader.readPages(view, [10, 11]), reader.readPages(view, [11, 12])];
    expect(gate.calls.length).toBe(2);
    expect(reader.inFlight).toBe(3);
    for (const call of gate.calls) call.go();
    const [first, second] = await Promise.all(both);
    expect(second?.get(11)).toBe(first?.get(11));
    expect(second?.get(12)).toEqual(pageBytes(512, 12, 1));
    expect(reader.inFlight).toBe(0);
  });

  it("does not let one view's pages into another through a shared range", async () => {
    const gate = new GatedReader(storeRangeReader(replica.store));
    const reader = reading({ reader: gate });
    const old = reader.readPages(view, [10, 11, 12]);
    await replica.put({ min: 2, commit: COMMIT, pages: [11] });
    const newer = await viewNow();
    const mixed = reader.readPages(newer, [10]);
    for (const call of gate.calls) call.go();
    expect((await old).get(11)).toEqual(pageBytes(512, 11, 1));
    const pages = await mixed;
    expect(pages.get(10)).toEqual(pageBytes(512, 10, 1));
    expect(pages.has(11)).toBe(false);
    const fresh = reader.readPages(newer, [11]);
    gate.calls.at(-1)?.go();
    expect((await fresh).get(11)).toEqual(pageBytes(512, 11, 2));
  });

  it("lets one caller leave without disturbing another, and stops when the last has left", async () => {
    const gate = new GatedReader(storeRangeReader(replica.store));
    const reader = reading({ reader: gate });
    const [one, two] = [new AbortController(), new AbortController()];
    const first = reader.readPages(view, [10], { signal: one.signal });
    const second = reader.readPages(view, [10], { signal: two.signal });
    const firstLeft = expect(first).rejects.toMatchObject({ code: "ABORTED" });
    one.abort();
    await firstLeft;
    expect(gate.calls[0]?.signal?.aborted).toBe(false);
    const secondLeft = expect(second).rejects.toMatchObject({ code: "ABORTED" });
    two.abort();
    await secondLeft;
    expect(gate.calls[0]?.signal?.aborted).toBe(true);
    const again = reader.readPages(view, [10]);
    expect(gate.calls.length).toBe(2);
    gate.calls[1]?.go();
    expect((await again).get(10)).toEqual(pageBytes(512, 10, 1));
    await expect(reader.readPages(view, [1], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("keeps at most so many ranges under way", async () => {
    const gate = new GatedReader(storeRangeReader(replica.store));
    const reader = reading({ reader: gate, concurrency: 3, rangeBytesMax: 1 });
    const all = reader.readPages(view, range(1, 10));
    const letGo = async (): Promise<void> => {
      for (let done = 0; done < 10; done += 1) {
        expect(gate.calls.length).toBeLessThanOrEqual(done + 3);
        gate.calls[done]?.go();
        await replica.runtime.timers.turn();
      }
    };
    await letGo();
    expect((await all).size).toBe(10);
  });

  it("passes a failure on, and the next call tries again", async () => {
    let fail = true;
    const store = new HookedObjectStore(replica.store, {
      before: () => {
        if (fail) throw Object.assign(new Error("down"), { code: "STORE_UNAVAILABLE" });
      },
    });
    const reader = reading({ reader: storeRangeReader(store), rangeBytesMax: 1 });
    await expect(reader.readPages(view, [1, 2, 3])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    fail = false;
    expect((await reader.readPages(view, [1, 2, 3])).size).toBe(3);
  });

  it("says which file vanished", async () => {
    const key = view.files[0]?.key ?? "";
    await replica.overwrite(key, await replica.bytesOf(key));
    const gone = expect.objectContaining({ code: "REPLICA_FILE_GONE", message: expect.stringContaining(key) });
    await expect(reading().readPages(view, [500])).rejects.toEqual(gone);
    await replica.inner.delete(key);
    await expect(reading().readPages(view, [500])).rejects.toEqual(gone);
  });

  it("finds a frame that is not the index's, or does not decode", async () => {
    const key = view.files[0]?.key ?? "";
    const good = await replica.bytesOf(key);
    const frame = view.lookup(500);
    if (frame === undefined) throw new Error("no page 500");
    const damage: [string, (bytes: DataView) => void][] = [
      ["another page", (b) => b.setUint32(frame.offset, 501)],
      ["no page", (b) => b.setUint32(frame.offset, 0)],
      ["unknown flags", (b) => b.setUint16(frame.offset + 4, 0x8001)],
      ["a larger size", (b) => b.setUint32(frame.offset + 6, 0xffffffff)],
      ["a smaller size", (b) => b.setUint32(frame.offset + 6, 20)],
      ["broken data", (b) => b.setUint32(frame.offset + 10, 0xffffffff)],
    ];
    for (const [what, harm] of damage) {
      const bad = good.slice();
      harm(new DataView(bad.buffer));
      const reader = reading({ reader: { read: async (_file, start, end) => bad.slice(start, end) } });
      const corrupt = expect.objectContaining({
        code: "LTX_CORRUPT",
        message: expect.stringMatching(new RegExp(`key=${key} pgno=500 offset=${frame.offset}`)),
      });
      await expect(reader.readPages(view, [500]), what).rejects.toEqual(corrupt);
    }
  });
});

describe("storeRangeReader", () => {
  it("refuses ranges outside of the file before asking for them", async () => {
    const file = view.files[0];
    if (file === undefined) throw new Error("no file");
    const reader = storeRangeReader(replica.store);
    for (const [start, end] of [
      [-1, 5],
      [5, 5],
      [6, 5],
      [0, file.size + 1],
      [0.5, 5],
      [0, Number.NaN],
    ]) {
      await expect(reader.read(file, start as number, end as number)).rejects.toThrow(RangeError);
    }
    expect(replica.requests().get).toBe(0);
  });

  it("takes a reply of another range, or of the whole object, for the store's failure", async () => {
    const file = view.files[0];
    if (file === undefined) throw new Error("no file");
    const whole = { ...replica.inner, get: (key: string) => replica.inner.get(key) } as TestReplica["inner"];
    await expect(storeRangeReader(whole).read(file, 100, 200)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  });
});
