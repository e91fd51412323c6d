import { type Clock, throwIfAborted } from "@headwater/core";
import { checkKey, checkMetadata, checkPrefix, compareKeys } from "../keys.js";
import { pageSizeOf } from "../list-pages.js";
import type {
  CallOptions,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ListPage,
  ObjectMeta,
  ObjectStore,
  Precondition,
  PutOptions,
  PutResult,
} from "../port.js";
import { checkRange, resolveRange } from "../ranges.js";
import { closed, notFound, preconditionFailed } from "../store-errors.js";
import { MemoryBucket, type StoredObject } from "./memory-bucket.js";

/**
 * An object store in memory: for tests, simulations and databases that need not outlive the process. Each call takes
 * effect at once and as a whole; bytes are copied on the way in and on the way out.
 */
export class MemoryObjectStore implements ObjectStore {
  readonly description: string;
  readonly #clock: Clock;
  readonly #bucket: MemoryBucket;
  #closed = false;

  /** @param bucket - What several stores share; a new, empty one if absent. */
  constructor(options: { readonly clock: Clock; readonly name?: string; readonly bucket?: MemoryBucket }) {
    this.description = `memory:${options.name ?? ""}`;
    this.#clock = options.clock;
    this.#bucket = options.bucket ?? new MemoryBucket();
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    this.#begin(key, options);
    if (options.range !== undefined) checkRange(options.range);
    const found = this.#find(key);
    if (options.ifMatch !== undefined && options.ifMatch !== found.etag) throw preconditionFailed(key, this.description);
    const { start, end } = resolveRange(options.range, found.body.byteLength, key);
    return {
      body: found.body.slice(start, end),
      start,
      etag: found.etag,
      size: found.body.byteLength,
      dateMs: this.#clock.nowMs(),
      metadata: found.metadata,
    };
  }

  async head(key: string, options: CallOptions = {}): Promise<HeadResult> {
    this.#begin(key, options);
    const found = this.#find(key);
    return { ...meta(key, found), dateMs: this.#clock.nowMs(), metadata: found.metadata };
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#begin(key, options);
    const metadata = options.metadata ?? {};
    checkMetadata(metadata);
    options.beforeSend?.();
    if (!holds(options.precondition, this.#bucket.get(key))) throw preconditionFailed(key, this.description);
    const { etag } = this.#bucket.put(key, body, this.#clock.nowMs(), metadata);
    return { etag, dateMs: this.#clock.nowMs() };
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    this.#begin(key, options);
    this.#bucket.delete(key);
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    checkPrefix(prefix);
    const pageSize = pageSizeOf(options);
    for (let after = options.startAfter; ; ) {
      throwIfAborted(options.signal);
      this.#throwIfClosed();
      // Each page is taken from the store as it is when it is asked for, as a real one's is.
      const { objects, truncated } = this.#page(prefix, after, pageSize);
      yield { objects, truncated, dateMs: this.#clock.nowMs() };
      if (!truncated) return;
      after = objects.at(-1)?.key;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #page(prefix: string, after: string | undefined, pageSize: number): { objects: ObjectMeta[]; truncated: boolean } {
    const keys = this.#bucket.keys();
    const objects: ObjectMeta[] = [];
    for (let i = firstIndex(keys, prefix, after); i < keys.length; i += 1) {
      const key = keys[i] ?? "";
      if (!key.startsWith(prefix)) break;
      if (objects.length === pageSize) return { objects, truncated: true };
      objects.push(meta(key, this.#find(key)));
    }
    return { objects, truncated: false };
  }

  #find(key: string): StoredObject {
    const found = this.#bucket.get(key);
    if (found === undefined) throw notFound(key, this.description);
    return found;
  }

  #begin(key: string, options: CallOptions): void {
    checkKey(key);
    throwIfAborted(options.signal);
    this.#throwIfClosed();
  }

  #throwIfClosed(): void {
    if (this.#closed) throw closed(this.description);
  }
}

function meta(key: string, stored: StoredObject): ObjectMeta {
  return { key, size: stored.body.byteLength, etag: stored.etag, lastModifiedMs: stored.lastModifiedMs };
}

function holds(precondition: Precondition | undefined, found: StoredObject | undefined): boolean {
  if (precondition === undefined) return true;
  return "ifNoneMatch" in precondition ? found === undefined : found?.etag === precondition.ifMatch;
}

/** Index of the first key at or behind the prefix and behind `after`, by bisection. */
function firstIndex(keys: readonly string[], prefix: string, after: string | undefined): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = keys[middle] ?? "";
    if (compareKeys(key, prefix) < 0 || (after !== undefined && compareKeys(key, after) <= 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}
