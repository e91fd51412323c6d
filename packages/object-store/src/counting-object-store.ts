import type { CallOptions, GetOptions, GetResult, HeadResult, ListOptions, ListPage, ObjectStore, PutOptions, PutResult } from "./port.js";
import type { RequestCounts, RequestKind } from "./requests.js";

/** Told of each request when it starts (`count` 1, `bytes` 0) and of its bytes when they are known (`count` 0). */
export type OnRequest = (kind: RequestKind, count: number, bytes: number) => void;

/**
 * Counts requests and bytes by kind. A page of a listing is one request. Put it under the retries, so that each attempt
 * counts; what a backend does by itself within one call (resuming a broken body) is not seen.
 */
export class CountingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #onRequest: OnRequest | undefined;
  readonly #counts: Record<RequestKind, { count: number; bytes: number }>;

  /** @param onRequest - For counters that live elsewhere, such as in shared memory. */
  constructor(inner: ObjectStore, onRequest?: OnRequest) {
    this.#inner = inner;
    this.#onRequest = onRequest;
    this.#counts = { list: zero(), get: zero(), put: zero(), head: zero(), delete: zero() };
  }

  /** A copy of the counters as they are now. */
  get counts(): RequestCounts {
    const { list, get, put, head, delete: remove } = this.#counts;
    return { list: { ...list }, get: { ...get }, put: { ...put }, head: { ...head }, delete: { ...remove } };
  }

  get description(): string {
    return this.#inner.description;
  }

  async get(key: string, options?: GetOptions): Promise<GetResult> {
    this.#add("get", 1, 0);
    const result = await this.#inner.get(key, options);
    this.#add("get", 0, result.body.byteLength);
    return result;
  }

  head(key: string, options?: CallOptions): Promise<HeadResult> {
    this.#add("head", 1, 0);
    return this.#inner.head(key, options);
  }

  put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutResult> {
    this.#add("put", 1, 0);
    // Sent whether or not an answer comes.
    this.#add("put", 0, body.byteLength);
    return this.#inner.put(key, body, options);
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    this.#add("delete", 1, 0);
    return this.#inner.delete(key, options);
  }

  async *list(prefix: string, options?: ListOptions): AsyncGenerator<ListPage, void, undefined> {
    const pages = this.#inner.list(prefix, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        this.#add("list", 1, 0);
        const next = await pages.next();
        if (next.done === true) return;
        this.#add("list", 0, next.value.bytes ?? 0);
        yield next.value;
        if (!next.value.truncated) return;
      }
    } finally {
      await pages.return?.();
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #add(kind: RequestKind, count: number, bytes: number): void {
    this.#counts[kind].count += count;
    this.#counts[kind].bytes += bytes;
    this.#onRequest?.(kind, count, bytes);
  }
}

function zero(): { count: number; bytes: number } {
  return { count: 0, bytes: 0 };
}
