/** Time. Taken from a port, so that a simulation can replay it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump. */
  nowMs(): number;
  /** Milliseconds since some fixed point, never going back. Stands still while the machine is suspended. */
  monotonicMs(): number;
}

/** Waiting. */
export interface Timers {
  /**
   * Resolves after the duration; rejects with `ABORTED` when the signal fires. Never keeps a process alive by itself.
   */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** Lets everything else that is ready on this thread run first. For long work between slices of about 4 ms. */
  turn(): Promise<void>;
}

/** Randomness: salts, jitter, ids. */
export interface Random {
  /** A uniform integer in 0 .. 2^32-1. */
  nextU32(): number;
}

/** What a package may know of time and chance. The Node form is `systemRuntime` in `@headwater/core/node`. */
export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}
