import { elapsedMs, type Moment, momentOf } from "./elapsed.js";
import type { Clock } from "./runtime.js";

/** Dates in HTTP are cut to seconds. */
const RESOLUTION_MS = 999;

/**
 * The store's own time: its last Date and the time elapsed since (the design, "One writer"). Whatever this machine's wall
 * clock says does not matter.
 */
export class StoreClock {
  readonly #clock: Clock;
  #last: { readonly dateMs: number; readonly at: Moment } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch; undefined before the first Date. */
  get nowMs(): number | undefined {
    return this.#last === undefined ? undefined : this.#last.dateMs + elapsedMs(this.#clock, this.#last.at);
  }

  /**
   * Takes a Date from a reply. The store's time is then at least that, and at most that and what has elapsed since the
   * request was sent; within those bounds what was known stands.
   *
   * @param sentAt - Before the request was sent.
   */
  note(dateMs: number, sentAt: Moment): void {
    const latestMs = dateMs + RESOLUTION_MS + elapsedMs(this.#clock, sentAt);
    this.#last = { dateMs: Math.min(latestMs, Math.max(dateMs, this.nowMs ?? dateMs)), at: momentOf(this.#clock) };
  }
}
