import type { CallOptions, GetOptions, GetResult, HeadResult, ListOptions, ListPage, ObjectStore, PutOptions, PutResult } from "../port.js";
import type { RequestKind } from "../requests.js";

/** One request as a hook sees it. */
export interface StoreCall {
  readonly kind: RequestKind;
  /** Key, or prefix of a listing. */
  readonly key: string;
  /** What the caller gave along. */
  readonly options: GetOptions & PutOptions & ListOptions;
  /** 1 for the first request that this store got, of any kind. A page of a listing is one request. */
  readonly number: number;
}

/** What runs around each request. A hook that throws makes the request fail, `before` without it having been done. */
export interface Hooks {
  readonly before?: (call: StoreCall) => Promise<void> | void;
  readonly after?: (call: StoreCall) => Promise<void> | void;
}

/** A test double's base: runs hooks around every request, for faults, delays, gates and traces. */
export class HookedObjectStore implements ObjectStore {
  readonly inner: ObjectStore;
  readonly #hooks: Hooks;
  #calls = 0;

  constructor(inner: ObjectStore, hooks: Hooks) {
    this.inner = inner;
    this.#hooks = hooks;
  }

  get description(): string {
    return this.inner.description;
  }

  /** How many requests there were. */
  get calls(): number {
    return this.#calls;
  }

  get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#around("get", key, options, () => this.inner.get(key, options));
  }

  head(key: string, options: CallOptions = {}): Promise<HeadResult> {
    return this.#around("head", key, options, () => this.inner.head(key, options));
  }

  put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    return this.#around("put", key, options, () => this.inner.put(key, body, options));
  }

  delete(key: string, options: CallOptions = {}): Promise<void> {
    return this.#around("delete", key, options, () => this.inner.delete(key, options));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    const pages = this.inner.list(prefix, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#around("list", prefix, options, () => pages.next());
        if (next.done === true) return;
        yield next.value;
        if (!next.value.truncated) return;
      }
    } finally {
      await pages.return?.();
    }
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  async #around<T>(kind: RequestKind, key: string, options: StoreCall["options"], request: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    const call: StoreCall = { kind, key, options, number: this.#calls };
    await this.#hooks.before?.(call);
    const result = await request();
    await this.#hooks.after?.(call);
    return result;
  }
}
