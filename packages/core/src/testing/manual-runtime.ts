import { abortedError } from "../abort.js";
import type { Runtime } from "../runtime.js";
import { SeededRandom } from "./seeded-random.js";

interface Sleeper {
  readonly atMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Clocks that move only when told to. Sleepers wake in the order of their time, each in a turn of its own. */
export class ManualRuntime implements Runtime {
  readonly random: SeededRandom;
  #nowMs: number;
  #skewMs = 0;
  #order = 0;
  #sleepers: Sleeper[] = [];

  constructor(options: { readonly seed?: number; readonly nowMs?: number } = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.#nowMs = options.nowMs ?? 1_700_000_000_000;
  }

  readonly clock: Runtime["clock"] = { nowMs: () => this.#nowMs + this.#skewMs, monotonicMs: () => this.#nowMs };

  readonly timers: Runtime["timers"] = {
    sleep: (durationMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(abortedError(signal));
          return;
        }
        const onAbort = (): void => {
          this.#sleepers = this.#sleepers.filter((s) => s !== sleeper);
          reject(abortedError(signal));
        };
        const sleeper: Sleeper = {
          atMs: this.#nowMs + Math.max(0, durationMs),
          order: this.#order++,
          wake: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        this.#sleepers.push(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /**
   * Moves the wall clock alone, forwards or back: a correction of the clock, or a machine that was suspended (its
   * monotonic clock and its timers stand still meanwhile).
   */
  jump(durationMs: number): void {
    this.#skewMs += durationMs;
  }

  /** Moves the clock on by `durationMs`, waking whoever is due on the way, and lets what they start run. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#nowMs + durationMs;
    for (;;) {
      await settle();
      this.#sleepers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = this.#sleepers[0];
      if (next === undefined || next.atMs > end) break;
      this.#sleepers.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#nowMs = end;
    await settle();
  }
}

/** Lets promises and immediates that are ready run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
