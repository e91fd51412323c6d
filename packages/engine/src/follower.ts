import { HeadwaterError, type Runtime, type TXID } from "@headwater/core";
import { decodeHeader, HEADER_SIZE } from "@headwater/ltx";
import type { ObjectStore } from "@headwater/object-store";
import {
  extendView,
  type Layout,
  listNewer,
  listReplica,
  openView,
  planForward,
  planRestore,
  type RangeReader,
  type ReplicaFile,
  sameFile,
  type View,
} from "@headwater/replica";

export interface FollowerOptions {
  readonly store: ObjectStore;
  readonly layout: Layout;
  /** What reads the files' bytes. */
  readonly reader: RangeReader;
  readonly runtime: Runtime;
  readonly pollIntervalMs: number;
  /** The newest view that is known. */
  newest(): View;
  /** A newer one was found. */
  onView(view: View): void;
  /** A poll failed, or the replica can't be followed. */
  onStale(error: HeadwaterError): void;
  onPolled(): void;
}

/**
 * What is new is at level 0 or 1 for so long at least: level-0 files are kept for 5 minutes (the design, "Upkeep"). Who
 * polls less often, or slept, must look at all levels.
 */
const NEWER_FOR_SURE_MS = 4 * 60 * 1000;

/** Read mode: looks for new transactions and extends the newest view by them, at transaction boundaries only. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Where the newest level-1 file that was seen ends: later polls list what comes behind it. */
  #level1End: TXID = 0n as TXID;

  /** By the wall clock, which goes on while the machine sleeps. */
  #polledMs: number;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#polledMs = options.runtime.clock.nowMs();
  }

  start(): void {
    if (this.#options.pollIntervalMs > 0) void this.#loop();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Polls now. Calls while a poll is under way share the next one: what that one listed may be older than the call. */
  poll(): Promise<void> {
    if (this.#polling === undefined) return this.#begin();
    this.#next ??= this.#polling
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#polling ?? this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<void> {
    const polling = this.#pollOnce().finally(() => {
      this.#polling = undefined;
    });
    this.#polling = polling;
    return polling;
  }

  async #loop(): Promise<void> {
    const { runtime, pollIntervalMs, onStale } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await runtime.timers.sleep(pollIntervalMs, this.#stop.signal);
        await this.poll();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        onStale(HeadwaterError.is(error) ? error : new HeadwaterError("STALE", "polling the replica failed", { cause: error }));
      }
    }
  }

  async #pollOnce(): Promise<void> {
    const { store, layout, newest, onView, onPolled } = this.#options;
    const view = newest();
    const { signal } = this.#stop;
    const beganMs = this.#options.runtime.clock.nowMs();
    // The file that is known comes along: whether it is still the same costs nothing to see.
    const after = (view.txid === 0n ? 0n : view.txid - 1n) as TXID;
    const isLate = beganMs - this.#polledMs > NEWER_FOR_SURE_MS;
    const listing = isLate
      ? listReplica(store, layout, { signal })
      : listNewer(store, layout, { after, level1After: this.#level1End, signal });
    const { files } = await listing;
    await this.#checkHistory(view, files);
    const newer = files.filter((file) => file.maxTXID > view.txid);
    if (newer.length > 0) onView(await this.#follow(view, newer));
    for (const file of files) if (file.level === 1 && file.maxTXID > this.#level1End) this.#level1End = file.maxTXID;
    this.#polledMs = beganMs;
    onPolled();
  }

  /**
   * A replica that was reset counts its TXIDs from 1 again: what is newer there goes on from another state than ours, and
   * would be mixed with it. The same transaction may have been put again; then its timestamp is the same.
   *
   * @throws {HeadwaterError} `STALE`.
   */
  async #checkHistory(view: View, files: readonly ReplicaFile[]): Promise<void> {
    const { reader, layout } = this.#options;
    const known = view.newest;
    const listed = files.find((file) => file.key === known?.file.key);
    if (known === undefined || listed === undefined || sameFile(known.file, listed)) return;
    const header = decodeHeader(await reader.read(listed, 0, HEADER_SIZE, { signal: this.#stop.signal }));
    if (header.timestampMs === known.header.timestampMs) return;
    throw new HeadwaterError(
      "STALE",
      `the replica was replaced by another database; close this one and open it again; key=${listed.key} prefix=${layout.prefix}`,
      { retryable: false },
    );
  }

  /** The newest view: by the new files alone where they lead there, else by a plan from scratch. */
  async #follow(view: View, files: readonly ReplicaFile[]): Promise<View> {
    const { store, layout, reader, runtime } = this.#options;
    const { signal } = this.#stop;
    try {
      const plan = planForward(files, view.txid);
      if (plan !== undefined) return (await extendView(store, view, plan, { reader, runtime, signal })).view;
    } catch (error) {
      const stalePlan = HeadwaterError.is(error) && (error.code === "REPLICA_GAP" || error.code === "REPLICA_FILE_GONE");
      if (!stalePlan) throw error;
    }
    const listing = await listReplica(store, layout, { signal });
    const plan = planRestore(listing.files);
    if (plan === undefined || plan.txid < view.txid) {
      throw new HeadwaterError("STALE", `the replica no longer reaches the transaction that is open here; prefix=${layout.prefix}`);
    }
    return (await openView(store, layout, plan, { reader, runtime, signal })).view;
  }
}
