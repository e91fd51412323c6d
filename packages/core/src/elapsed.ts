import type { Clock } from "./runtime.js";

/** A point in time by both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
}

/**
 * Milliseconds since: the larger of what both clocks say, because a suspended machine's monotonic clock stands still, and a
 * wall clock may be set back (the design, "One writer"). Too much after a wall clock was set forward; never negative.
 */
export function elapsedMs(clock: Clock, since: Moment): number {
  return Math.max(0, clock.monotonicMs() - since.monotonicMs, clock.nowMs() - since.wallMs);
}
