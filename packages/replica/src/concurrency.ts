import { abortedError, type Pace, type Steps, throwIfAborted } from "@headwater/core";

/** Runs steps of so many units of work each to the end, with a turn for others whenever it is time. */
export async function inSlices<T>(steps: Steps<T>, pace: Pace, unitsPerStep: number): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (pace.spent(unitsPerStep)) await pace.turn();
  }
}

/**
 * Calls `work` for every item, at most `limit` at a time, in order. The first failure aborts the rest, is awaited with
 * them, and is what the caller sees.
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal, index: number) => Promise<void>,
): Promise<void> {
  throwIfAborted(signal);
  // A signal for each lane: one that all of them listened to would be reported as a leak.
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () => new AbortController());
  const abortAll = (): void => {
    for (const lane of lanes) lane.abort(signal?.reason);
  };
  signal?.addEventListener("abort", abortAll, { once: true });
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const run = async (lane: AbortSignal): Promise<void> => {
    for (let index = next++; index < items.length && !lane.aborted; index = next++) {
      try {
        await work(items[index] as T, lane, index);
      } catch (error) {
        failure ??= { error };
        abortAll();
      }
    }
  };
  try {
    await Promise.all(lanes.map((lane) => run(lane.signal)));
  } finally {
    signal?.removeEventListener("abort", abortAll);
  }
  if (signal?.aborted) throw abortedError(signal);
  if (failure !== undefined) throw failure.error;
}

/** Lets at most `limit` pieces of work be under way; the others wait in order. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next(); // hands its place on
    }
  }
}
