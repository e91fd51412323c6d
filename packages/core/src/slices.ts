import { throwIfAborted } from "./abort.js";
import type { Runtime } from "./runtime.js";

/** What long work asks whether it is time to let others run. */
export interface Pace {
  /** Counts work done. True when it is time for {@link turn}; what must not be torn can be finished first. */
  spent(units: number): boolean;
  turn(): Promise<void>;
}

/** For work that may take a thread for as long as it lasts. */
export const UNPACED: Pace = { spent: () => false, turn: () => Promise.resolve() };

export interface SlicesOptions {
  /** A slice ends after so much work, in the caller's unit: where the clock stands still (simulation) or is coarse too. */
  readonly units: number;
  /** And after so many milliseconds: 3, so that no task on the I/O thread is longer than 4. */
  readonly sliceMs?: number;
  readonly signal?: AbortSignal;
}

/** Cuts long work on the I/O thread into slices, between which everything else runs (the design, "Threads"). */
export class Slices implements Pace {
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  readonly #unitsMax: number;
  readonly #sliceMs: number;
  readonly #signal: AbortSignal | undefined;
  #units = 0;
  #endMs: number;

  constructor(runtime: Pick<Runtime, "clock" | "timers">, { units, sliceMs = 3, signal }: SlicesOptions) {
    this.#runtime = runtime;
    this.#unitsMax = units;
    this.#sliceMs = sliceMs;
    this.#signal = signal;
    this.#endMs = runtime.clock.monotonicMs() + sliceMs;
  }

  spent(units: number): boolean {
    this.#units += units;
    return this.#units >= this.#unitsMax || this.#runtime.clock.monotonicMs() >= this.#endMs;
  }

  /** Lets others run, and begins a new slice. @throws `ABORTED` when the signal fired meanwhile. */
  async turn(): Promise<void> {
    await this.#runtime.timers.turn();
    throwIfAborted(this.#signal);
    this.#units = 0;
    this.#endMs = this.#runtime.clock.monotonicMs() + this.#sliceMs;
  }
}
