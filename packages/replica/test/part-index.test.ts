import { lockPgno } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { PartIndex, type PartIndexOptions } from "../src/frames/part-index.js";
import type { RangeReader } from "../src/index.js";
import { listed, range, rounds } from "./support.js";

const seed = testSeed("part-index");

/** Frames of a snapshot, and the page index over them, without the frames themselves. */
class FakeSnapshot implements RangeReader {
  readonly pageSize: number;
  readonly commit: number;
  readonly sizes: Uint32Array;
  readonly offsets: Float64Array;
  readonly index: Uint8Array;
  readonly file: PartIndexOptions["file"];
  readonly #start: number;
  reads = 0;
  bytesRead = 0;
  /** Awaited before each read. */
  gate: (signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();

  constructor(pageSize: number, commit: number, sizeOf: (pgno: number) => number) {
    this.pageSize = pageSize;
    this.commit = commit;
    const pgnos = range(1, commit).filter((pgno) => pgno !== lockPgno(pageSize));
    this.sizes = Uint32Array.from(pgnos, sizeOf);
    this.offsets = new Float64Array(pgnos.length);
    const bytes: number[] = [];
    let offset = 100;
    for (const [i, pgno] of pgnos.entries()) {
      this.offsets[i] = offset;
      for (let value of [pgno, offset, this.sizes[i] ?? 0]) {
        for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
        bytes.push(value);
      }
      offset += this.sizes[i] ?? 0;
    }
    bytes.push(0);
    this.index = Uint8Array.from(bytes);
    this.#start = offset + 6;
    this.file = listed(9, 1, 1, this.#start + bytes.length + 24);
  }

  async read(_file: unknown, start: number, end: number, { signal }: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    this.reads += 1;
    this.bytesRead += end - start;
    await this.gate(signal);
    signal?.throwIfAborted();
    const from = start - this.#start;
    if (from < 0 || end - this.#start >= this.index.length || end <= start) throw new RangeError(`outside of the index: ${start}-${end}`);
    return this.index.slice(from, end - this.#start);
  }

  open(options: Partial<PartIndexOptions> = {}): PartIndex {
    const { file, pageSize, commit } = this;
    return new PartIndex({ file, pageSize, commit, indexBytes: this.index.length, reader: this, ...options });
  }

  /** Bytes of the index at a position of it. */
  at(from: number, to: number): { readonly position: number; readonly bytes: Uint8Array } {
    return { position: this.#start + from, bytes: this.index.slice(from, to) };
  }

  check(index: PartIndex, pgno: number, where: string): void {
    const i = pgno > lockPgno(this.pageSize) ? pgno - 2 : pgno - 1;
    expect(index.find(pgno), `${where} pgno=${pgno}`).toEqual({ file: this.file, offset: this.offsets[i], size: this.sizes[i] });
  }
}

/** Sizes that come in stretches, as tables and indexes of a database compress differently. */
function stretches(random: SeededRandom, sizes: readonly [number, ...number[]]): (pgno: number) => number {
  let [left, size] = [0, 0];
  return () => {
    if (left === 0) [left, size] = [1 + random.below(3000), random.pick(sizes)];
    left -= 1;
    return random.chance(0.1) ? random.pick(sizes) : size;
  };
}

/** Loads pages, and uses them at once: what is awaited in between may cost them their place. */
async function lookUp(index: PartIndex, pgnos: readonly number[], use: () => void = () => undefined, signal?: AbortSignal): Promise<void> {
  const call = signal === undefined ? {} : { signal };
  for (let loading = index.load(pgnos, call); loading !== undefined; loading = index.load(pgnos, call)) await loading;
  use();
}

describe("PartIndex", () => {
  it("answers as the whole index does: any sizes, page sizes, around the lock page, in any order, evicting, with parts of any size", async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 12 * rounds; round += 1) {
      const pageSize = random.pick([512, 4096, 65_536]);
      const lock = pageSize === 65_536 ? lockPgno(pageSize) : 0;
      const commit = Math.max(
        1,
        random.chance(0.5) && lock > 0 ? lock - 2 + random.below(5) : 1 + random.below(random.pick([20, 2000, 20_000])),
      );
      const snapshot = new FakeSnapshot(pageSize, commit, stretches(random, [11, 60, 127, 128, 300, 3000, 16_383, 16_384, 65_000]));
      const index = snapshot.open({ partBytes: random.pick([200, 2000, 65_536]), entryBytesMax: random.pick([8192, 3 * 8192, 1e7]) });
      if (random.chance(0.5)) {
        const from = random.below(snapshot.index.length);
        const { position, bytes } = snapshot.at(from, from + random.below(5000));
        index.takeBytes(position, bytes);
      }
      const where = `seed=${seed} round=${round} pageSize=${pageSize} commit=${commit}`;
      for (let n = 0; n < 60; n += 1) {
        const first = 1 + random.below(commit);
        const wanted = range(first, Math.min(commit, first + random.below(6))).filter((pgno) => pgno !== lockPgno(pageSize));
        await lookUp(index, wanted, () => {
          for (const pgno of wanted) snapshot.check(index, pgno, where);
        });
      }
      expect(index.load([commit === lockPgno(pageSize) ? 1 : commit]) === undefined).toBe(
        index.has(commit === lockPgno(pageSize) ? 1 : commit),
      );
    }
  });

  it("answers concurrent callers, of which some give up, with parts that arrive in any order and fail now and then", async () => {
    const random = new SeededRandom(seed + 1);
    for (let round = 0; round < 5 * rounds; round += 1) {
      const snapshot = new FakeSnapshot(4096, 30_000, stretches(random, [40, 500, 2000, 4100]));
      const index = snapshot.open({ partBytes: 4000, entryBytesMax: 4 * 8192 });
      snapshot.gate = async (signal) => {
        for (let n = random.below(6); n > 0; n -= 1) await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        if (random.chance(0.05)) throw new Error("lost");
      };
      const outcomes = { fine: 0, aborted: 0, lost: 0 };
      const caller = async (): Promise<void> => {
        const controller = new AbortController();
        const first = 1 + random.below(29_000);
        const wanted = [first, first + 1, 1 + random.below(29_000)];
        if (random.chance(0.3)) setImmediate(() => controller.abort());
        try {
          const check = (): void => {
            for (const pgno of wanted) snapshot.check(index, pgno, `seed=${seed} round=${round}`);
          };
          await lookUp(index, wanted, check, controller.signal);
          outcomes.fine += 1;
        } catch (error) {
          if ((error as Error).message === "lost") outcomes.lost += 1;
          else if (controller.signal.aborted) {
            expect(error).toMatchObject({ code: "ABORTED" });
            outcomes.aborted += 1;
          } else throw error;
        }
      };
      for (let n = 0; n < 20; n += 1) await Promise.all(Array.from({ length: 8 }, caller));
      expect(Math.min(outcomes.fine, outcomes.aborted, outcomes.lost), JSON.stringify(outcomes)).toBeGreaterThan(0);
      snapshot.gate = () => Promise.resolve();
      await lookUp(index, [29_500], () => snapshot.check(index, 29_500, `seed=${seed} round=${round}`));
    }
  });

  it("takes one request for a cold lookup, rarely two, and none for its neighbours", async () => {
    const random = new SeededRandom(seed + 2);
    let [lookups, reads, most] = [0, 0, 0];
    for (let round = 0; round < 3 * rounds; round += 1) {
      const snapshot = new FakeSnapshot(4096, 100_000, stretches(random, [60, 700, 1500, 2500, 4100]));
      for (let n = 0; n < 20; n += 1) {
        const index = snapshot.open(); // cold each time
        const pgno = 1 + random.below(100_000);
        snapshot.reads = 0;
        await lookUp(index, [pgno]);
        [lookups, reads, most] = [lookups + 1, reads + snapshot.reads, Math.max(most, snapshot.reads)];
        expect(range(Math.max(1, pgno - 8000), Math.min(100_000, pgno + 8000)).filter((p) => index.has(p)).length).toBeGreaterThan(4000);
      }
    }
    expect(most).toBeLessThanOrEqual(2);
    expect(reads / lookups).toBeLessThan(1.5);
  });

  it("shares a part that is under way, and calls one off that nobody waits for any more", async () => {
    const snapshot = new FakeSnapshot(4096, 100_000, () => 2000);
    const index = snapshot.open();
    let called = 0;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    snapshot.gate = async (signal) => {
      signal?.addEventListener("abort", () => {
        called += 1;
      });
      await opened;
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const loads = [index.load([50_000], { signal: first.signal }), index.load([50_001], { signal: second.signal }), index.load([50_002])];
    await Promise.resolve();
    first.abort();
    second.abort();
    await expect(loads[0]).rejects.toMatchObject({ code: "ABORTED" });
    await expect(loads[1]).rejects.toMatchObject({ code: "ABORTED" });
    expect([snapshot.reads, called]).toEqual([1, 0]);
    open();
    await loads[2];
    snapshot.check(index, 50_001, "shared");
    // Alone, it ends.
    const third = new AbortController();
    snapshot.gate = () => new Promise(() => undefined);
    const alone = index.load([1], { signal: third.signal });
    await new Promise((resolve) => setImmediate(resolve));
    let aborted = false;
    snapshot.gate = async (signal) => {
      signal?.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise(() => undefined);
    };
    third.abort();
    await expect(alone).rejects.toMatchObject({ code: "ABORTED" });
    // It does not stand in the way of the next one.
    const fourth = new AbortController();
    const again = index.load([1], { signal: fourth.signal });
    await new Promise((resolve) => setImmediate(resolve));
    fourth.abort();
    await expect(again).rejects.toMatchObject({ code: "ABORTED" });
    expect(aborted).toBe(true);
    snapshot.gate = () => Promise.resolve();
    await lookUp(index, [1]);
    snapshot.check(index, 1, "again");
  });

  it("keeps within its memory, but for what somebody waits for", async () => {
    const snapshot = new FakeSnapshot(4096, 200_000, () => 2000);
    const index = snapshot.open({ entryBytesMax: 10 * 8192 });
    for (let pgno = 1; pgno < 200_000; pgno += 5000) {
      await lookUp(index, [pgno]);
      expect(index.bytes).toBeLessThan(11 * 8192 + 10_000);
    }
    expect(() => index.find(1)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    const all = range(1, 40).map((n) => n * 5000);
    await lookUp(index, all, () => {
      for (const pgno of all) snapshot.check(index, pgno, "all at once");
    });
  });

  it("finds every kind of damage, or tells nothing that is not in the file, in bounded time", async () => {
    const random = new SeededRandom(seed + 3);
    const outcomes = new Set<string>();
    for (let round = 0; round < 60 * rounds; round += 1) {
      const snapshot = new FakeSnapshot(4096, 3000 + random.below(10_000), stretches(random, [40, 700, 4100]));
      const kind = random.below(4);
      for (let n = 1 + random.below(kind === 0 ? 3 : 300); n > 0; n -= 1) {
        if (kind === 1) snapshot.index.fill(0, random.below(snapshot.index.length));
        else if (kind === 2) snapshot.index.fill(0xff, random.below(snapshot.index.length));
        else snapshot.index[random.below(snapshot.index.length)] = random.below(256);
      }
      if (kind === 3) snapshot.index.copyWithin(random.below(5000), random.below(9000), random.below(snapshot.index.length));
      const index = snapshot.open({ partBytes: 2000 });
      for (const pgno of [1, 1 + random.below(snapshot.commit), snapshot.commit]) {
        try {
          await lookUp(index, [pgno]);
          const { offset, size } = index.find(pgno);
          expect(offset >= 100 && size >= 11 && offset + size <= snapshot.file.size).toBe(true);
          outcomes.add("fine");
        } catch (error) {
          expect(error).toMatchObject({ code: "LTX_CORRUPT", message: expect.stringContaining(`key=${snapshot.file.key}`) });
          outcomes.add("LTX_CORRUPT");
        }
      }
      expect(snapshot.reads).toBeLessThan(100);
    }
    expect([...outcomes].sort()).toEqual(["LTX_CORRUPT", "fine"]);
  });

  it("refuses an index of a size that a snapshot of so many pages can't have", () => {
    const snapshot = new FakeSnapshot(4096, 1000, () => 2000);
    for (const commit of [0, 100, 4000]) expect(() => snapshot.open({ commit })).toThrow(expect.objectContaining({ code: "LTX_CORRUPT" }));
    expect(() => snapshot.open().find(1001)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});
