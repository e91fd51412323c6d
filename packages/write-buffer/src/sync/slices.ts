import { type Runtime, throwIfAborted } from "@headwater/core";

/** A slice ends after this long, so that page reads are served between slices (design: no task over 4 ms). */
const SLICE_MS = 3;
/** And after this much work, whatever the clock says. */
const SLICE_BYTES = 256 * 1024;

/** What long work asks whether it is time to let others run. */
export interface Pace {
  spent(bytes: number): boolean;
  turn(): Promise<void>;
}

/** For work that may take a thread for as long as it lasts. */
export const UNPACED: Pace = { spent: () => false, turn: () => Promise.resolve() };

/** Cuts long work on the I/O thread into slices. */
export class Slices implements Pace {
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal | undefined;
  #endMs: number;
  #bytes = 0;

  constructor(runtime: Runtime, signal?: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
    this.#endMs = runtime.clock.monotonicMs() + SLICE_MS;
  }

  /** Counts work done, in bytes. True when it is time for {@link turn}. */
  spent(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes >= SLICE_BYTES || this.#runtime.clock.monotonicMs() >= this.#endMs;
  }

  /** Lets others run, and begins a new slice. @throws `ABORTED` when the signal fired meanwhile. */
  async turn(): Promise<void> {
    await this.#runtime.timers.turn();
    throwIfAborted(this.#signal);
    this.#bytes = 0;
    this.#endMs = this.#runtime.clock.monotonicMs() + SLICE_MS;
  }
}
