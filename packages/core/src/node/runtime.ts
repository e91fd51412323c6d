import { abortedError } from "../abort.js";
import type { Runtime } from "../runtime.js";

/** A longer timeout would fire at once. @see Node, "Timers", setTimeout */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const pool = new Uint32Array(256);
let next = pool.length;

/** Rejects with `ABORTED` when the signal fires. @param keepsAlive - Whether the process goes on for the wait alone. */
function sleep(durationMs: number, signal: AbortSignal | undefined, keepsAlive: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortedError(signal));
      return;
    }
    let timer: NodeJS.Timeout;
    let leftMs = durationMs;
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(abortedError(signal));
    };
    const start = (): void => {
      const sliceMs = Math.min(leftMs, TIMEOUT_MS_MAX);
      leftMs -= sliceMs;
      timer = setTimeout(() => {
        if (leftMs > 0) {
          start();
          return;
        }
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, sliceMs);
      if (!keepsAlive) timer.unref();
    };
    start();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The real clock, timers that never keep a process alive, and the system's randomness. */
export const systemRuntime: Runtime = {
  clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  timers: {
    sleep: (durationMs, signal) => sleep(durationMs, signal, false),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  },
  random: {
    nextU32() {
      if (next === pool.length) {
        // The global one: node:crypto takes 3 ms to load, and whoever needs only the clock shall not wait for that.
        crypto.getRandomValues(pool);
        next = 0;
      }
      const value = pool[next] ?? 0;
      next += 1;
      return value;
    },
  },
};

/**
 * {@link systemRuntime} with timers that keep the process alive, for what somebody waits for: a process whose main module
 * awaits a call that is in between two tries would otherwise end in the middle of it.
 */
export const patientRuntime: Runtime = {
  ...systemRuntime,
  timers: { ...systemRuntime.timers, sleep: (durationMs, signal) => sleep(durationMs, signal, true) },
};
