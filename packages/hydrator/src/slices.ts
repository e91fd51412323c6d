import type { Runtime } from "@headwater/core";

/** Of the 4 ms that a task on the I/O thread may take, leaving room for the write that ends a slice. */
const SLICE_MS = 2.5;
/** Where the clock stands still (simulation) or is coarse, so much work ends a slice too. */
const SLICE_UNITS = 256;

/**
 * Cuts long work into slices. `due()` is asked after each small unit of work; when it says yes, the caller finishes what
 * must not be torn and awaits `turn()`.
 */
export class Slices {
  readonly #runtime: Runtime;
  #startMs: number;
  #units = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#startMs = runtime.clock.monotonicMs();
  }

  due(): boolean {
    this.#units += 1;
    return this.#units >= SLICE_UNITS || this.#runtime.clock.monotonicMs() - this.#startMs >= SLICE_MS;
  }

  async turn(): Promise<void> {
    await this.#runtime.timers.turn();
    this.#units = 0;
    this.#startMs = this.#runtime.clock.monotonicMs();
  }
}
