import type { Timers } from "./runtime.js";

/** Work in small steps, between which a caller may let others run. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** All of it at once. */
export function runToEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** All of it, with a turn for others after each step; at once where there are no timers. */
export async function inTurns<T>(steps: Steps<T>, timers: Pick<Timers, "turn"> | undefined): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (timers !== undefined) await timers.turn();
  }
}
