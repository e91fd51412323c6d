import { lockPgno, type Pgno, type Runtime, txid } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { decodeLtx, encodeLtx } from "@headwater/ltx";
import { MemoryObjectStore } from "@headwater/object-store";
import { createLayout, type Layout, listReplica, openView, planRestore, type View } from "@headwater/replica";
import { expect } from "vitest";

/** Time passes only by sleeping, and sleeping costs none. */
export function fastRuntime(seed = 1): Runtime {
  let nowMs = 0;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    random: new SeededRandom(seed),
    timers: {
      turn,
      sleep: async (durationMs, signal) => {
        nowMs += durationMs;
        await turn();
        signal?.throwIfAborted();
      },
    },
  };
}

/** The content of a database, page by page; what is missing reads as zeros. */
export interface State {
  readonly commit: number;
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

export const layout: Layout = createLayout("s3", "db");

/** A replica in memory, with what a full restore of each of its TXIDs is. */
export class TestReplica {
  readonly pageSize: number;
  readonly store: MemoryObjectStore = new MemoryObjectStore({ clock: { nowMs: () => 0, monotonicMs: () => 0 } });
  readonly states: State[] = [{ commit: 0, pages: new Map() }];

  constructor(pageSize = 512) {
    this.pageSize = pageSize;
  }

  get txid(): number {
    return this.states.length - 1;
  }

  get newest(): State {
    return this.states.at(-1) as State;
  }

  /** Appends a transaction as a level-0 file. Pages above `commit` are left out. */
  async commit(commit: number, written: ReadonlyMap<number, Uint8Array>): Promise<void> {
    const before = this.newest;
    const kept = [...before.pages].filter(([pgno]) => pgno <= commit);
    const added = [...written].filter(([pgno]) => pgno <= commit);
    this.states.push({ commit, pages: new Map([...kept, ...added]) });
    await this.#put(0, this.txid, this.txid, new Map(added));
  }

  /** Puts one file for all TXIDs up to the newest. */
  async snapshot(): Promise<string> {
    const { commit, pages } = this.newest;
    const all = new Map<number, Uint8Array>();
    for (let pgno = 1; pgno <= commit; pgno += 1)
      if (pgno !== lockPgno(this.pageSize)) all.set(pgno, pages.get(pgno) ?? new Uint8Array(this.pageSize));
    return this.#put(9, 1, this.txid, all);
  }

  /** Puts one level-1 file for the TXIDs from `min` to `max`, and deletes the level-0 files. */
  async compact(min: number, max: number): Promise<void> {
    const to = this.states[max] as State;
    const from = this.states[min - 1] as State;
    const smallest = Math.min(...this.states.slice(min - 1, max + 1).map((s) => s.commit));
    const pages = new Map<number, Uint8Array>();
    for (const [pgno, data] of to.pages) if (pgno > smallest || from.pages.get(pgno) !== data) pages.set(pgno, data);
    // What went away and came back unwritten must hide what older files have there.
    for (let pgno = smallest + 1; pgno <= to.commit; pgno += 1) if (!pages.has(pgno)) pages.set(pgno, new Uint8Array(this.pageSize));
    await this.#put(1, min, max, pages);
    for (let n = min; n <= max; n += 1) await this.store.delete(layout.key(0, txid(n), txid(n)));
  }

  async #put(level: number, min: number, max: number, pages: ReadonlyMap<number, Uint8Array>): Promise<string> {
    const { commit } = this.states[max] as State;
    const header = { pageSize: this.pageSize, commit, minTXID: txid(min), maxTXID: txid(max), timestampMs: max };
    const sorted = [...pages].sort((a, b) => a[0] - b[0]).map(([pgno, data]) => ({ pgno: pgno as Pgno, data }));
    const key = layout.key(level, txid(min), txid(max));
    await this.store.put(key, encodeLtx({ header, pages: sorted }).bytes);
    return key;
  }

  /** Planned and opened anew; the newest state, or that of a TXID. */
  async view(at?: bigint): Promise<View> {
    const { files } = await listReplica(this.store, layout, { complete: true });
    const plan = planRestore(files, at === undefined ? undefined : txid(at));
    if (plan === undefined) throw new Error("no plan");
    return (await openView(this.store, layout, plan)).view;
  }

  /** The view one transaction later, from its level-0 file. */
  async next(view: View): Promise<View> {
    const n = txid(view.txid + 1n);
    const key = layout.key(0, n, n);
    const { files } = await listReplica(this.store, layout);
    const file = files.find((f) => f.key === key);
    if (file === undefined) throw new Error(`no file key=${key}`);
    const { body } = await this.store.get(key);
    return view.extend({ file, ...decodeLtx(body) });
  }

  page(state: State, pgno: number): Uint8Array {
    return state.pages.get(pgno) ?? new Uint8Array(this.pageSize);
  }

  restored(state: State = this.newest): Uint8Array {
    const out = new Uint8Array(state.commit * this.pageSize);
    for (const [pgno, data] of state.pages) out.set(data, (pgno - 1) * this.pageSize);
    return out;
  }
}

export function randomPages(random: SeededRandom, pageSize: number, pgnos: Iterable<number>): Map<number, Uint8Array> {
  return new Map([...pgnos].map((pgno) => [pgno, random.bytes(pageSize)]));
}

export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

/** Like `toEqual`, which takes seconds for a megabyte. */
export function expectSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.byteLength).toBe(expected.byteLength);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  expect(at, "offset of the first byte that differs").toBe(-1);
}
