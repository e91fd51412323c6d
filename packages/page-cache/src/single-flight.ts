import { abortedError, throwIfAborted } from "@headwater/core";

interface Flight<V> {
  readonly controller: AbortController;
  readonly result: Promise<V>;
  waiters: number;
}

/**
 * Lets at most one call per key be under way; whoever asks meanwhile gets the same result, or the same error. A caller
 * that aborts stops waiting and disturbs nobody; when the last one has gone, the work itself is told to stop, and
 * the next caller starts afresh.
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /** How many calls are under way. */
  get size(): number {
    return this.#flights.size;
  }

  has(key: K): boolean {
    return this.#flights.has(key);
  }

  /**
   * Joins the call for this key, or starts it.
   *
   * @param start - Gets a signal that fires when nobody waits any more.
   * @throws `ABORTED` when `options.signal` fires; else whatever `start` rejects with.
   */
  run(key: K, start: (signal: AbortSignal) => Promise<V>, options: { readonly signal?: AbortSignal } = {}): Promise<V> {
    try {
      throwIfAborted(options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    const flight = this.#flights.get(key) ?? this.#start(key, start);
    flight.waiters += 1;
    return options.signal === undefined ? flight.result : this.#wait(key, flight, options.signal);
  }

  #start(key: K, start: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController();
    // `async` turns a synchronous throw of `start` into a rejection.
    const call = async (): Promise<V> => start(controller.signal);
    const flight: Flight<V> = { controller, waiters: 0, result: call().finally(() => this.#forget(key, flight)) };
    this.#flights.set(key, flight);
    return flight;
  }

  #wait(key: K, flight: Flight<V>, signal: AbortSignal): Promise<V> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        flight.waiters -= 1;
        reject(abortedError(signal));
        if (flight.waiters > 0) return;
        this.#forget(key, flight);
        flight.controller.abort(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  #forget(key: K, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
