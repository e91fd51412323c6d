import { HeadwaterError, type Runtime } from "@headwater/core";

/**
 * Puts what the application waits for before what runs in the background: hydration asks {@link whenIdle} before each
 * of its requests, and every demand read has a deadline.
 */
export class DemandGate {
  readonly #runtime: Runtime;
  #inFlight = 0;
  #idle: (() => void)[] = [];

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Resolves when no demand read is under way. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /**
   * Runs a demand read. After `deadlineMs` its signal fires and the read fails.
   *
   * @throws {HeadwaterError} `STORE_UNAVAILABLE` at the deadline, with what the read met as its cause.
   */
  async run<T>(deadlineMs: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new AbortController();
    const done = new AbortController();
    this.#inFlight += 1;
    this.#runtime.timers.sleep(deadlineMs, done.signal).then(
      () => deadline.abort(),
      () => undefined, // The read was quicker.
    );
    try {
      return await work(deadline.signal);
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      throw new HeadwaterError("STORE_UNAVAILABLE", `no answer from the store in time; ${what}, remoteTimeoutMs=${deadlineMs}`, {
        cause: error,
      });
    } finally {
      done.abort();
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }
}
