import { OptionError } from "@headwater/core";

/** 32 MiB: the hot interior pages of a database of tens of gigabytes, and small beside SQLite's own heap. */
export const CACHE_MAX_BYTES_DEFAULT: number = 32 * 1024 * 1024;

export interface PageCacheOptions {
  /** Upper bound of the bytes of the cached pages themselves. 0 switches the cache off. */
  readonly maxBytes?: number;
}

const NONE = -1;
const SLOTS_MIN = 64;

/** What the hand makes of an entry. Read once, and not again since the hand came by: evicted. */
const IDLE = 0;
/** Read again: spared once. */
const VISITED = 1;
/** Came along with another page, was not read yet, and was spared as often as it may be. One more for each time that is left. */
const AHEAD = 2;
/** A page that SQLite has read is in its own cache too; one that waits for its first read is nowhere else. */
const AHEAD_SPARED = 3;

/**
 * Pages in memory, bounded in bytes, with SIEVE eviction: a hit sets a bit, and nothing moves; when room is needed a
 * hand goes from the oldest entry to the newest, spares whoever was hit since its last visit and evicts the first that
 * was not. One scan therefore can't wash out pages that are read again and again, which LRU would let happen.
 *
 * SIEVE by itself knows nothing of pages that are fetched ahead: it would evict them before their first read, and take
 * that read, which a scan makes of every page, for a sign that they are hot. So a page added with {@link addAhead} is
 * spared a few times before its first read, and that read only makes it like a page that was just {@link set}.
 *
 * A hit allocates nothing. The cache keeps the array that it was given (or whatever else has a length in bytes): don't
 * change it afterwards, and don't pass a small view of a large buffer, which would stay alive as a whole.
 *
 * @see Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024
 */
export class PageCache<V extends { readonly byteLength: number } = Uint8Array> {
  readonly maxBytes: number;
  readonly #slotOf = new Map<number, number>();
  #keys = new Float64Array(SLOTS_MIN);
  #values: (V | undefined)[] = [];
  #state = new Uint8Array(SLOTS_MIN);
  /** Towards the newest entry. For a free slot: the next free slot. */
  #newer = new Int32Array(SLOTS_MIN);
  /** Towards the oldest entry. */
  #older = new Int32Array(SLOTS_MIN);
  #newest = NONE;
  #oldest = NONE;
  #hand = NONE;
  #free = NONE;
  #used = 0;
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  constructor(options: PageCacheOptions = {}) {
    const maxBytes = options.maxBytes ?? CACHE_MAX_BYTES_DEFAULT;
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
      throw new OptionError("BAD_OPTION", `option "maxBytes": expected an integer from 0, got ${maxBytes}`);
    }
    this.maxBytes = maxBytes;
  }

  /** Bytes of the cached pages. Never more than {@link maxBytes}. */
  get bytes(): number {
    return this.#bytes;
  }
  /** How many pages are cached. */
  get size(): number {
    return this.#slotOf.size;
  }
  get hits(): number {
    return this.#hits;
  }
  get misses(): number {
    return this.#misses;
  }
  /** Entries that had to make room. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Counts as a hit or a miss. */
  get(key: number): V | undefined {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#state[slot] = (this.#state[slot] ?? 0) >= AHEAD ? IDLE : VISITED;
    return this.#values[slot];
  }

  /** Whether it is there; neither counted nor a reason to keep it. */
  has(key: number): boolean {
    return this.#slotOf.has(key);
  }

  /** Adds or replaces. A page that is larger than the whole cache is not kept (and its former value goes). */
  set(key: number, value: V): void {
    const slot = this.#slotOf.get(key);
    if (value.byteLength > this.maxBytes) {
      if (slot !== undefined) this.#remove(slot);
      return;
    }
    if (slot !== undefined) {
      this.#bytes += value.byteLength - (this.#values[slot]?.byteLength ?? 0);
      this.#values[slot] = value;
      this.#state[slot] = VISITED;
      while (this.#bytes > this.maxBytes) this.#evict(slot);
      return;
    }
    while (this.#bytes + value.byteLength > this.maxBytes) this.#evict(NONE);
    this.#insert(key, value, IDLE);
  }

  /**
   * Adds a page that came along and has not been read. Leaves one that is there already alone, and itself out where it
   * is larger than the whole cache.
   */
  addAhead(key: number, value: V): void {
    if (value.byteLength > this.maxBytes || this.#slotOf.has(key)) return;
    while (this.#bytes + value.byteLength > this.maxBytes) this.#evict(NONE);
    this.#insert(key, value, AHEAD + AHEAD_SPARED);
  }

  /** True if it was there. */
  delete(key: number): boolean {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return false;
    this.#remove(slot);
    return true;
  }

  /** Drops every entry whose key fails the test, for example all above a new commit. */
  retain(keep: (key: number) => boolean): void {
    for (const [key, slot] of this.#slotOf) if (!keep(key)) this.#remove(slot);
  }

  /** Drops every entry. The counters stay. */
  clear(): void {
    this.#slotOf.clear();
    this.#values = [];
    this.#newest = this.#oldest = this.#hand = this.#free = NONE;
    this.#used = 0;
    this.#bytes = 0;
  }

  #insert(key: number, value: V, state: number): void {
    const slot = this.#takeSlot();
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#state[slot] = state;
    this.#newer[slot] = NONE;
    this.#older[slot] = this.#newest;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
    this.#slotOf.set(key, slot);
    this.#bytes += value.byteLength;
  }

  /** Moves the hand to the next victim and drops it; `spare` is never the victim unless it is alone. */
  #evict(spare: number): void {
    let slot = this.#hand === NONE ? this.#oldest : this.#hand;
    for (;;) {
      const state = this.#state[slot] ?? IDLE;
      if ((state === IDLE || state === AHEAD) && (slot !== spare || this.#slotOf.size === 1)) break;
      this.#state[slot] = state > AHEAD ? state - 1 : state === VISITED ? IDLE : state;
      const next = this.#newer[slot] ?? NONE;
      slot = next === NONE ? this.#oldest : next;
    }
    this.#hand = slot; // #remove moves it on to the next newer one
    this.#remove(slot);
    this.#evictions += 1;
  }

  #remove(slot: number): void {
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (this.#hand === slot) this.#hand = newer;
    this.#bytes -= this.#values[slot]?.byteLength ?? 0;
    this.#slotOf.delete(this.#keys[slot] ?? NONE);
    this.#values[slot] = undefined;
    this.#newer[slot] = this.#free;
    this.#free = slot;
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.#newer[slot] ?? NONE;
      return slot;
    }
    if (this.#used === this.#keys.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const length = this.#keys.length * 2;
    const keys = new Float64Array(length);
    keys.set(this.#keys);
    const state = new Uint8Array(length);
    state.set(this.#state);
    const newer = new Int32Array(length);
    newer.set(this.#newer);
    const older = new Int32Array(length);
    older.set(this.#older);
    this.#keys = keys;
    this.#state = state;
    this.#newer = newer;
    this.#older = older;
  }
}
