import { lockPgno } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { type OpenFile, View } from "../src/index.js";
import { listed, ModelDatabase, opened, range, rounds } from "./support.js";

const seed = testSeed("view");

/** A file with an index and no bytes: entries where a test wants them. */
function synthetic(txid: number, commit: number, pgnos: readonly number[], pageSize = 4096, level = 0, min = txid): OpenFile {
  const count = pgnos.length;
  const index = { count, pgnos: Uint32Array.from(pgnos), offsets: new Float64Array(count), sizes: new Uint32Array(count).fill(50) };
  for (let i = 0; i < count; i += 1) index.offsets[i] = 100 + 50 * i;
  const file = listed(level, min, txid, 200 + 50 * count);
  const header = { ...opened({ min, max: txid, commit: 0, pages: [] }).header, commit, pageSize };
  return { file, header, index, trailer: { postApplyChecksum: 0n, fileChecksum: 2n ** 63n } };
}

describe("View", () => {
  it("starts empty", () => {
    const view = View.empty(4096);
    expect([view.txid, view.commit, view.pageSize, view.files, view.newest, view.lookup(1)]).toEqual([
      0n,
      0,
      4096,
      [],
      undefined,
      undefined,
    ]);
    expect(() => View.empty(1000)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  it("adopts files, and leaves the older view as it was", () => {
    const one = View.empty(512).extend(opened({ min: 1, commit: 3, pages: [1, 2, 3] }));
    const two = one.extend(opened({ min: 2, commit: 4, pages: [2, 4] }));
    const where = (view: View): unknown[] => range(1, 5).map((n) => view.lookup(n)?.file.maxTXID);
    expect(where(one)).toEqual([1n, 1n, 1n, undefined, undefined]);
    expect(where(two)).toEqual([1n, 2n, 1n, 2n, undefined]);
    expect([one.txid, one.commit, two.txid, two.commit]).toEqual([1n, 3, 2n, 4]);
    expect(two.newest?.header.maxTXID).toBe(2n);
    expect(two.files.map((f) => f.maxTXID)).toEqual([1n, 2n]);
  });

  it("drops what lies above a smaller commit for good: shrunk and grown again, old pages never come back", () => {
    const full = View.empty(512).extend(opened({ min: 1, commit: 100, pages: range(1, 100) }));
    const shrunk = full.extend(opened({ min: 2, commit: 50, pages: [1] }));
    const grown = shrunk.extend(opened({ min: 3, commit: 100, pages: [1, 70] }));
    expect(shrunk.lookup(60)).toBeUndefined();
    expect([50, 60, 70, 100].map((n) => grown.lookup(n)?.file.maxTXID)).toEqual([1n, undefined, 3n, undefined]);
    expect(full.lookup(60)?.file.maxTXID).toBe(1n);
  });

  it("shrinks and grows by files without pages, too", () => {
    let view = View.empty(512).extend(opened({ min: 1, commit: 10, pages: range(1, 10) }));
    view = view.extend(opened({ min: 2, commit: 5, pages: [] }));
    view = view.extend(opened({ min: 3, commit: 10, pages: [] }));
    expect([view.commit, view.txid, view.lookup(5)?.size !== undefined, view.lookup(6)]).toEqual([10, 3n, true, undefined]);
    expect(view.files.map((f) => f.maxTXID)).toEqual([1n, 3n]);
  });

  it("never has the lock page", () => {
    const lock = lockPgno(65_536);
    const view = View.empty(65_536).extend(synthetic(1, lock + 1, [1, lock - 1, lock, lock + 1], 65_536));
    expect([lock - 1, lock, lock + 1].map((n) => view.lookup(n) !== undefined)).toEqual([true, false, true]);
  });

  it("lets a snapshot replace all, also what it does not hold", () => {
    const view = View.empty(4096)
      .extend(synthetic(1, 10, range(1, 10)))
      .extend(synthetic(5, 12, range(1, 9), 4096, 9, 1));
    expect([view.lookup(1)?.file.level, view.lookup(10), view.txid, view.files.length]).toEqual([9, undefined, 5n, 1]);
  });

  it.each([
    ["a gap", synthetic(4, 10, [1]), "REPLICA_GAP"],
    ["what it has already", synthetic(2, 10, [1]), "REPLICA_GAP"],
    ["another page size", synthetic(3, 10, [1], 8192), "LTX_CORRUPT"],
    ["a header that is not the key's", { ...synthetic(3, 10, [1]), file: listed(0, 4, 4) }, "LTX_CORRUPT"],
    ["a frame beyond the file", { ...synthetic(3, 10, [1]), file: { ...listed(0, 3, 3), size: 149 } }, "LTX_CORRUPT"],
    ["a frame within the header", patched({ offset: 99 }), "LTX_CORRUPT"],
    ["a frame of no size", patched({ size: 0 }), "LTX_CORRUPT"],
    ["a frame of absurd size", patched({ size: 2 ** 18 }), "LTX_CORRUPT"],
    ["an offset that is none", patched({ offset: Number.NaN }), "LTX_CORRUPT"],
    ["an offset of parts of bytes", patched({ offset: 100.5 }), "LTX_CORRUPT"],
    ["page 0", synthetic(3, 10, [0]), "LTX_CORRUPT"],
    ["pages out of order", synthetic(3, 10, [2, 1]), "LTX_CORRUPT"],
    ["a page twice", synthetic(3, 10, [2, 2]), "LTX_CORRUPT"],
  ])("refuses %s", (_what, file, code) => {
    const view = View.empty(4096)
      .extend(synthetic(1, 10, range(1, 10)))
      .extend(synthetic(2, 10, [1]));
    expect(() => view.extend(file)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(`key=${file.file.key}`) }));
  });

  function patched(entry: { offset?: number; size?: number }): OpenFile {
    const file = synthetic(3, 10, [1]);
    if (entry.offset !== undefined) file.index.offsets[0] = entry.offset;
    if (entry.size !== undefined) file.index.sizes[0] = entry.size;
    return file;
  }

  it("refuses a file that was made for another state, where both track checksums", () => {
    const tracked = (n: number, pre: bigint, post: bigint): OpenFile => {
      const file = synthetic(n, 10, [1]);
      return {
        ...file,
        header: { ...file.header, noChecksum: false, preApplyChecksum: pre },
        trailer: { ...file.trailer, postApplyChecksum: post },
      };
    };
    const view = View.empty(4096).extend(tracked(1, 0n, 2n ** 63n + 5n));
    expect(view.extend(tracked(2, 2n ** 63n + 5n, 2n ** 63n + 6n)).txid).toBe(2n);
    expect(() => view.extend(tracked(2, 2n ** 63n + 4n, 2n ** 63n + 6n))).toThrow(expect.objectContaining({ code: "LTX_CORRUPT" }));
    expect(view.extend(synthetic(2, 10, [1])).txid).toBe(2n);
  });

  it("keeps offsets beyond 4 GiB", () => {
    const file = { ...synthetic(1, 2, [1, 2]), file: { ...listed(0, 1, 1), size: 2 ** 45 } };
    file.index.offsets[1] = 2 ** 44 + 2 ** 32 + 12_345;
    file.index.sizes[1] = 131_072;
    expect(View.empty(4096).extend(file).lookup(2)).toMatchObject({ offset: 2 ** 44 + 2 ** 32 + 12_345, size: 131_072 });
  });

  it("costs at most 16 bytes a page, whatever was adopted", () => {
    const random = new SeededRandom(seed);
    const commit = 50_000;
    let view = View.empty(4096).extend(synthetic(1, commit, range(1, commit)));
    expect(view.indexBytes).toBe(12 * commit);
    for (let n = 2; n <= 300; n += 1) {
      const first = 1 + random.below(commit - 2000);
      view = view.extend(synthetic(n, commit, range(first, first + random.below(2000))));
      expect(view.indexBytes).toBeLessThanOrEqual(16 * commit);
    }
    view = view.extend(synthetic(301, 100, [1]));
    expect(view.indexBytes).toBeLessThanOrEqual(16 * 200);
  });

  it("takes no more memory than its entries for a commit and a pgno of four billion", () => {
    const view = View.empty(4096)
      .extend(synthetic(1, 0xfffffffe, [1, 0xfffffffe]))
      .extend(synthetic(2, 0xfffffffe, [2, 0xfffffff0]));
    expect(view.indexBytes).toBeLessThanOrEqual(16 * 4);
    expect(view.lookup(0xfffffffe)?.file.maxTXID).toBe(1n);
    expect(view.lookup(0x80000000)).toBeUndefined();
  });

  it("forgets files whose pages have all been replaced, over 5,000 small files on a base of 20,000 pages", () => {
    const random = new SeededRandom(seed);
    const commit = 20_000;
    let view = View.empty(4096).extend(synthetic(1, commit, range(1, commit)));
    for (let n = 2; n <= 5001; n += 1) view = view.extend(synthetic(n, commit, [1 + random.below(100), 200 + random.below(commit - 200)]));
    expect(view.indexBytes).toBeLessThanOrEqual(16 * commit);
    const used = new Set(range(1, commit).map((pgno) => view.lookup(pgno)?.file));
    expect(view.files.length).toBeLessThan(used.size * 1.5);
    const files = new Set(view.files);
    expect([...used].filter((file) => file === undefined || !files.has(file))).toEqual([]);
  });
});

describe("View against a naive model", () => {
  interface Step {
    readonly commit: number;
    readonly pages: ReadonlyMap<number, number>;
  }

  function randomStep(random: SeededRandom, txid: number, commitBefore: number): Step {
    const commit = random.chance(0.15) ? random.below(60) : Math.max(0, commitBefore + random.below(9) - 3);
    const pages = new Map<number, number>();
    if (random.chance(0.1)) for (const pgno of range(1, commit)) pages.set(pgno, txid);
    for (let n = random.below(8); n > 0 && commit > 0; n -= 1) pages.set(1 + random.below(commit), txid);
    return { commit, pages };
  }

  it("answers every lookup, framesOf and changedSince as the model does", () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 60 * rounds; round += 1) {
      const model = new ModelDatabase();
      let view = View.empty(512);
      const versions: { view: View; pages: Map<number, number>; commit: number }[] = [];
      for (let txid = 1; txid <= 40; txid += 1) {
        const { commit, pages } = randomStep(random, txid, model.commit);
        view = view.extend(
          synthetic(
            txid,
            commit,
            [...pages.keys()].sort((a, b) => a - b),
            512,
          ),
        );
        model.apply(commit, pages);
        const where = `seed=${seed} round=${round} txid=${txid}`;
        check(view, model.pages, model.commit, where);
        const older = versions[random.below(versions.length)];
        if (older !== undefined) checkChanged(view, model, older, where);
        if (random.chance(0.1)) checkFrames(view, model, where);
        versions.push({ view, pages: new Map(model.pages), commit: model.commit });
      }
      for (const [i, old] of versions.entries()) check(old.view, old.pages, old.commit, `seed=${seed} round=${round} old=${i + 1}`);
    }
  });

  function check(view: View, pages: ReadonlyMap<number, number>, commit: number, where: string): void {
    if (view.commit !== commit) expect.fail(`${where}: commit ${view.commit}, expected ${commit}`);
    for (let pgno = 1; pgno <= 70; pgno += 1) {
      const got = view.lookup(pgno)?.file.maxTXID;
      const expected = pages.get(pgno);
      if (Number(got ?? 0) !== (expected ?? 0)) expect.fail(`${where}: page ${pgno} is of ${got}, expected ${expected}`);
    }
  }

  function checkFrames(view: View, model: ModelDatabase, where: string): void {
    const frames = new Map<number, number>();
    for (const file of view.files) {
      const { pgnos, offsets, sizes } = view.framesOf({ ...file });
      for (const [i, pgno] of pgnos.entries()) {
        frames.set(pgno, Number(file.maxTXID));
        expect(view.lookup(pgno), where).toMatchObject({ offset: offsets[i], size: sizes[i] });
        if (i > 0) expect(offsets[i], where).toBeGreaterThan(offsets[i - 1] ?? 0);
      }
    }
    expect([...frames].sort(), where).toEqual([...model.pages].sort());
    check(view, model.pages, model.commit, `${where} after framesOf`);
  }

  function checkChanged(
    view: View,
    model: ModelDatabase,
    older: { view: View; pages: Map<number, number>; commit: number },
    where: string,
  ): void {
    const changed = view.changedSince(older.view);
    if (changed === "all") expect.fail(`${where}: "all" within a short history`);
    const set = new Set(changed);
    expect([...changed], where).toEqual([...set].sort((a, b) => a - b));
    const top = Math.max(older.commit, model.commit);
    for (let pgno = 1; pgno <= 70; pgno += 1) {
      const differs = older.pages.get(pgno) !== model.pages.get(pgno) || pgno > older.commit !== pgno > model.commit;
      if (differs && !set.has(pgno)) expect.fail(`${where}: page ${pgno} differs and is not named`);
      if (pgno > top && set.has(pgno)) expect.fail(`${where}: page ${pgno} is beyond both sizes`);
    }
  }
});

describe("View.changedSince", () => {
  const base = View.empty(4096).extend(synthetic(1, 100, range(1, 100)));

  it("names the pages of the files between, and nothing for the same view", () => {
    const next = base.extend(synthetic(2, 100, [5, 7])).extend(synthetic(3, 100, [7, 9]));
    expect(next.changedSince(base)).toEqual(Uint32Array.from([5, 7, 9]));
    expect(next.changedSince(next)).toEqual(new Uint32Array(0));
  });

  it("names what lies between the sizes, also of a smaller one on the way", () => {
    expect(base.extend(synthetic(2, 103, [1])).changedSince(base)).toEqual(Uint32Array.from([1, 101, 102, 103]));
    expect(base.extend(synthetic(2, 98, [1])).changedSince(base)).toEqual(Uint32Array.from([1, 99, 100]));
    const back = base.extend(synthetic(2, 98, [1])).extend(synthetic(3, 100, [2]));
    expect(back.changedSince(base)).toEqual(Uint32Array.from([1, 2, 99, 100]));
  });

  it('is "all" for a view of another line, of another branch, for a newer one, and after a snapshot', () => {
    const other = View.empty(4096).extend(synthetic(1, 100, range(1, 100)));
    const a = base.extend(synthetic(2, 100, [5]));
    const b = base.extend(synthetic(2, 100, [6]));
    expect([a.changedSince(other), a.changedSince(b), base.changedSince(a)]).toEqual(["all", "all", "all"]);
    expect(a.extend(synthetic(9, 100, range(1, 100), 4096, 9, 1)).changedSince(a)).toBe("all");
  });

  it('is "all" after very many changes, and without counting to four billion', () => {
    expect(base.extend(synthetic(2, 0xfffffffe, [1])).changedSince(base)).toBe("all");
    let view = base;
    for (let n = 2; n < 400; n += 1) view = view.extend(synthetic(n, 100, [1]));
    expect(view.changedSince(base)).toBe("all");
  });
});
