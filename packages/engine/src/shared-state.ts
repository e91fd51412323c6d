/**
 * What the SQLite thread and the I/O thread of one database tell each other without a message: one SharedArrayBuffer,
 * a single writer for each field. 32-bit fields first, then 64-bit ones.
 */
const I32 = { newestView: 0, ownVersion: 1, ownView: 2, ownCommit: 3, dirty: 4, writeState: 5, hydrationState: 6 } as const;
const I32_SLOTS = 16;
const I64 = { ownSequence: 0, ownTxid: 1, publishedSequence: 2, publishedEnd: 3, viewTxid: 4, durableTxid: 5 } as const;
const I64_SLOTS = 16;
/** Statistics: doubles with one writer each; a reader may see them a moment late. */
const F64 = {
  pageSize: 0,
  pageCount: 1,
  pendingTransactions: 2,
  pendingBytes: 3,
  unsyncedSinceMs: 4,
  hydrationPages: 5,
  hydrationPageCount: 6,
  hydrationBytes: 7,
  hydrationRate: 8,
  hydrationSecondsLeft: 9,
  staleSinceMs: 10,
  bufferBytes: 11,
  cacheHits: 12,
  cacheMisses: 13,
  cacheBytes: 14,
  lastPollMs: 15,
  viewTimeMs: 16,
  diskHits: 17,
  diskMisses: 18,
  diskBytes: 19,
  requests: 20, // ten slots: count and bytes of list, get, put, head, delete
} as const;
const F64_SLOTS = 32;
const BYTES = I32_SLOTS * 4 + I64_SLOTS * 8 + F64_SLOTS * 8;

/** Whether the connection may write. */
export const WRITE_STATES = ["read", "write", "fenced", "closed"] as const;
export type WriteState = (typeof WRITE_STATES)[number];

/** The states of a hydration, in the order of their numbers in shared memory. */
export const HYDRATION_STATES = ["off", "waiting", "running", "complete", "failed"] as const;
export type HydrationState = (typeof HYDRATION_STATES)[number];

/** The kinds of request that are counted, in the order of their slots. */
export const REQUEST_KINDS = ["list", "get", "put", "head", "delete"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** An own sync, as the SQLite thread adopts it. */
export interface OwnSync {
  readonly viewId: number;
  /** Database size in pages at that view. */
  readonly commit: number;
  /** The last local commit that the view holds. */
  readonly sequence: number;
  readonly txid: bigint;
}

export type StatisticName = Exclude<keyof typeof F64, "requests">;

/** The typed window on the shared memory of one database. Both threads wrap the same buffer. */
export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly #i32: Int32Array;
  readonly #i64: BigInt64Array;
  readonly #f64: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#i32 = new Int32Array(buffer, 0, I32_SLOTS);
    this.#i64 = new BigInt64Array(buffer, I32_SLOTS * 4, I64_SLOTS);
    this.#f64 = new Float64Array(buffer, I32_SLOTS * 4 + I64_SLOTS * 8, F64_SLOTS);
  }

  /** The newest view that a read connection may adopt. */
  get newestView(): number {
    return Atomics.load(this.#i32, I32.newestView);
  }
  set newestView(id: number) {
    Atomics.store(this.#i32, I32.newestView, id);
  }

  /** Changes with every own sync. The SQLite thread compares it between VFS calls, so it costs one load. */
  get ownVersion(): number {
    return Atomics.load(this.#i32, I32.ownVersion);
  }

  /** I/O thread: an own sync may be adopted. */
  publishOwnSync(sync: OwnSync): void {
    // Odd while the fields change, so that a reader takes either all of the old or all of the new.
    Atomics.add(this.#i32, I32.ownVersion, 1);
    Atomics.store(this.#i32, I32.ownView, sync.viewId);
    Atomics.store(this.#i32, I32.ownCommit, sync.commit | 0);
    Atomics.store(this.#i64, I64.ownSequence, BigInt(sync.sequence));
    Atomics.store(this.#i64, I64.ownTxid, BigInt.asIntN(64, sync.txid));
    Atomics.add(this.#i32, I32.ownVersion, 1);
  }

  /** SQLite thread: the newest own sync with the version it belongs to, or nothing while it is being written. */
  readOwnSync(): (OwnSync & { readonly version: number }) | undefined {
    const version = this.ownVersion;
    if (version % 2 !== 0) return undefined;
    const sync = {
      version,
      viewId: Atomics.load(this.#i32, I32.ownView),
      commit: Atomics.load(this.#i32, I32.ownCommit) >>> 0,
      sequence: Number(Atomics.load(this.#i64, I64.ownSequence)),
      txid: BigInt.asUintN(64, Atomics.load(this.#i64, I64.ownTxid)),
    };
    return this.ownVersion === version ? sync : undefined;
  }

  /** SQLite thread: a commit was published. Returns true when the I/O thread has to be told (it knew of none). */
  publishCommit(sequence: number, endOffset: number): boolean {
    Atomics.store(this.#i64, I64.publishedEnd, BigInt(endOffset));
    Atomics.store(this.#i64, I64.publishedSequence, BigInt(sequence));
    return Atomics.exchange(this.#i32, I32.dirty, 1) === 0;
  }

  /** I/O thread: takes note of the commits so far; the next one will be announced again. */
  takePublished(): { readonly sequence: number; readonly endOffset: number } {
    Atomics.store(this.#i32, I32.dirty, 0);
    return this.published;
  }

  get published(): { readonly sequence: number; readonly endOffset: number } {
    const sequence = Number(Atomics.load(this.#i64, I64.publishedSequence));
    return { sequence, endOffset: Number(Atomics.load(this.#i64, I64.publishedEnd)) };
  }

  get writeState(): WriteState {
    return WRITE_STATES[Atomics.load(this.#i32, I32.writeState)] ?? "closed";
  }
  set writeState(state: WriteState) {
    Atomics.store(this.#i32, I32.writeState, WRITE_STATES.indexOf(state));
  }

  get hydrationState(): HydrationState {
    return HYDRATION_STATES[Atomics.load(this.#i32, I32.hydrationState)] ?? "off";
  }
  set hydrationState(state: HydrationState) {
    Atomics.store(this.#i32, I32.hydrationState, HYDRATION_STATES.indexOf(state));
  }

  /** TXID of the newest view known to be in the replica. */
  get durableTxid(): bigint {
    return BigInt.asUintN(64, Atomics.load(this.#i64, I64.durableTxid));
  }
  set durableTxid(txid: bigint) {
    Atomics.store(this.#i64, I64.durableTxid, BigInt.asIntN(64, txid));
  }

  /** TXID of the view that the connection reads. Written by the SQLite thread. */
  get viewTxid(): bigint {
    return BigInt.asUintN(64, Atomics.load(this.#i64, I64.viewTxid));
  }
  set viewTxid(txid: bigint) {
    Atomics.store(this.#i64, I64.viewTxid, BigInt.asIntN(64, txid));
  }

  statistic(name: StatisticName): number {
    return this.#f64[F64[name]] ?? 0;
  }
  setStatistic(name: StatisticName, value: number): void {
    this.#f64[F64[name]] = value;
  }

  requests(kind: RequestKind): { readonly count: number; readonly bytes: number } {
    const slot = F64.requests + 2 * REQUEST_KINDS.indexOf(kind);
    return { count: this.#f64[slot] ?? 0, bytes: this.#f64[slot + 1] ?? 0 };
  }
  /** I/O thread: counts a request when it starts, and its bytes when they are known. */
  addRequest(kind: RequestKind, count: number, bytes: number): void {
    const slot = F64.requests + 2 * REQUEST_KINDS.indexOf(kind);
    this.#f64[slot] = (this.#f64[slot] ?? 0) + count;
    this.#f64[slot + 1] = (this.#f64[slot + 1] ?? 0) + bytes;
  }
}
