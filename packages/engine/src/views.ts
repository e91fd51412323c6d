import { HeadwaterError, unlessAborted } from "@headwater/core";
import type { ObjectStore } from "@headwater/object-store";
import {
  type Layout,
  listReplica,
  type OpenViewOptions,
  openView,
  planRestore,
  type RangeReader,
  storeRangeReader,
  type View,
} from "@headwater/replica";
import { isSameState } from "./same-state.js";

/** How often a view whose files vanished is planned anew before its reader is told. */
const REPLANS_MAX = 3;

/**
 * The views that somebody may still read, by number. A number always stands for the same TXID; the files behind it
 * are planned anew when a compaction deletes them.
 */
export class ViewTable {
  readonly #store: ObjectStore;
  readonly #layout: Layout;
  readonly #reader: RangeReader;
  readonly #reading: Pick<OpenViewOptions, "runtime">;
  readonly #views = new Map<number, View>();
  readonly #replans = new Map<number, Promise<void>>();
  #newestId = 0;

  /** @param reading - How views are planned anew: through which reader, and in whose slices of time. */
  constructor(store: ObjectStore, layout: Layout, first: View, reading: Pick<OpenViewOptions, "reader" | "runtime"> = {}) {
    this.#store = store;
    this.#layout = layout;
    this.#reader = reading.reader ?? storeRangeReader(store);
    this.#reading = reading;
    this.add(first);
  }

  get newestId(): number {
    return this.#newestId;
  }

  get newest(): View {
    return this.get(this.#newestId);
  }

  /** Nothing for a number that was let go. */
  find(id: number): View | undefined {
    return this.#views.get(id);
  }

  /** @throws {HeadwaterError} `CLOSED` for a number that was let go, which is a mistake of the caller. */
  get(id: number): View {
    const view = this.#views.get(id);
    if (view === undefined) throw new HeadwaterError("CLOSED", `the view is no longer held; view=${id}`);
    return view;
  }

  /** Takes in the next view and returns its number. */
  add(view: View): number {
    this.#newestId += 1;
    this.#views.set(this.#newestId, view);
    return this.#newestId;
  }

  /** The connection reads `id` from now on: everything older goes. */
  adopted(id: number): void {
    for (const held of [...this.#views.keys()]) if (held < id) this.#views.delete(held);
  }

  /**
   * Runs `use` on the view; when a planned file has vanished, plans the same TXID anew and tries again, a bounded
   * number of times (the design, "Reading").
   */
  async reading<T>(id: number, use: (view: View) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const view = this.get(id);
      try {
        return await use(view);
      } catch (error) {
        const vanished = HeadwaterError.is(error) && error.code === "REPLICA_FILE_GONE";
        if (!vanished || attempt >= REPLANS_MAX) throw error;
        await this.replan(id, view, signal).catch((failure: unknown) => {
          // The state is not to be had any more: the file that is gone says more than the plan that failed.
          throw isUnplannable(failure) ? error : failure;
        });
      }
    }
  }

  /**
   * Plans the view's TXID anew, unless that was done since it was `seen`. Those who ask at the same time share one plan,
   * which goes on when one of them aborts.
   *
   * @throws {HeadwaterError} `OUT_OF_RANGE` or `REPLICA_GAP` when the replica no longer has this TXID;
   *   `REPLICA_FILE_GONE` when it is empty or another one; `ABORTED`; else what the store throws.
   */
  replan(id: number, seen: View, signal?: AbortSignal): Promise<void> {
    if (this.#views.get(id) !== seen) return Promise.resolve();
    let running = this.#replans.get(id);
    if (running === undefined) {
      running = this.#planAnew(id, seen).finally(() => this.#replans.delete(id));
      this.#replans.set(id, running);
    }
    return unlessAborted(running, signal);
  }

  /**
   * The same state as `seen` from the files that are there now.
   *
   * @throws {HeadwaterError} as {@link replan}; `REPLICA_FILE_GONE` when nobody reads that view any more.
   */
  async replanned(seen: View, signal?: AbortSignal): Promise<View> {
    const [id] = [...this.#views].find(([, view]) => view === seen) ?? [];
    if (id !== undefined) await this.replan(id, seen, signal);
    const view = id === undefined ? undefined : this.find(id);
    if (view !== undefined) return view;
    throw new HeadwaterError("REPLICA_FILE_GONE", `nobody reads this view any more; prefix=${this.#layout.prefix}`);
  }

  async #planAnew(id: number, seen: View): Promise<void> {
    const listing = await listReplica(this.#store, this.#layout);
    const plan = planRestore(listing.files, seen.txid);
    if (plan === undefined) throw new HeadwaterError("REPLICA_FILE_GONE", `the replica is empty now; prefix=${this.#layout.prefix}`);
    const { view } = await openView(this.#store, this.#layout, plan, { ...this.#reading, reader: this.#reader });
    if (!(await isSameState(seen, view, listing.files, this.#reader))) {
      throw new HeadwaterError("REPLICA_FILE_GONE", `the replica was replaced by another one; prefix=${this.#layout.prefix}`);
    }
    if (this.#views.has(id)) this.#views.set(id, view);
  }
}

function isUnplannable(error: unknown): boolean {
  return HeadwaterError.is(error) && (error.code === "OUT_OF_RANGE" || error.code === "REPLICA_GAP");
}
