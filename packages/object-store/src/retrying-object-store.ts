import { HeadwaterError, type Runtime } from "@headwater/core";
import type { CallOptions, GetOptions, GetResult, HeadResult, ListOptions, ListPage, ObjectStore, PutOptions, PutResult } from "./port.js";
import type { RequestKind } from "./requests.js";

/** What {@link RetryingObjectStore} tells of a failure that it tries again. */
export interface Retry {
  readonly kind: RequestKind;
  /** Key, or prefix of a listing. */
  readonly key: string;
  readonly error: HeadwaterError;
  /** How many failures there were since the last progress. */
  readonly failures: number;
  readonly delayMs: number;
}

export interface RetryOptions {
  readonly runtime: Runtime;
  /** Failures in a row without progress after which the error is passed on. Default 8, which waits about 6 s in all. */
  readonly failuresMax?: number;
  /** The first delay; each further one is twice as long. Default 50. */
  readonly baseDelayMs?: number;
  /** Default 5000. */
  readonly maxDelayMs?: number;
  readonly onRetry?: (retry: Retry) => void;
}

/**
 * Tries again what failed for a reason that may pass (`error.retryable`), after a growing delay with jitter. Reads,
 * deletes and plain puts come to the same end however often they are done. A listing goes on behind the last key that it
 * got, and each page is progress.
 *
 * A put under a precondition is never tried again here: whether the lost first try was applied is a question that only
 * the caller can answer, by reading the object. The deadline of a whole call is its signal.
 */
export class RetryingObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #options: Required<Omit<RetryOptions, "onRetry">> & Pick<RetryOptions, "onRetry">;

  constructor(inner: ObjectStore, options: RetryOptions) {
    this.#inner = inner;
    this.#options = { failuresMax: 8, baseDelayMs: 50, maxDelayMs: 5000, ...options };
  }

  get description(): string {
    return this.#inner.description;
  }

  get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.#repeat("get", key, options?.signal, () => this.#inner.get(key, options));
  }

  head(key: string, options?: CallOptions): Promise<HeadResult> {
    return this.#repeat("head", key, options?.signal, () => this.#inner.head(key, options));
  }

  put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutResult> {
    if (options?.precondition !== undefined) return this.#inner.put(key, body, options);
    return this.#repeat("put", key, options?.signal, () => this.#inner.put(key, body, options));
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#repeat("delete", key, options?.signal, () => this.#inner.delete(key, options));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    let after = options.startAfter;
    for (let failures = 0; ; ) {
      try {
        for await (const page of this.#inner.list(prefix, { ...options, ...(after === undefined ? {} : { startAfter: after }) })) {
          const last = page.objects.at(-1)?.key;
          if (last !== undefined) {
            after = last;
            failures = 0; // An empty page is no progress, so a store that answers with nothing else is given up.
          }
          yield page;
          if (!page.truncated) return;
        }
        return;
      } catch (error) {
        failures += 1;
        await this.#backOff("list", prefix, error, failures, options.signal);
      }
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #repeat<T>(kind: RequestKind, key: string, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await attempt();
      } catch (error) {
        await this.#backOff(kind, key, error, failures, signal);
      }
    }
  }

  /** Waits before the next attempt, or throws the error again where there is to be none. */
  async #backOff(kind: RequestKind, key: string, error: unknown, failures: number, signal: AbortSignal | undefined): Promise<void> {
    const { runtime, failuresMax, baseDelayMs, maxDelayMs, onRetry } = this.#options;
    if (!HeadwaterError.is(error) || !error.retryable || failures >= failuresMax) throw error;
    const full = Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1));
    // Between half of it and all of it: many that failed at one moment shall not come back at one moment.
    const delayMs = (full / 2) * (1 + runtime.random.nextU32() / 2 ** 32);
    onRetry?.({ kind, key, error, failures, delayMs });
    await runtime.timers.sleep(delayMs, signal);
  }
}
