import { CONTENDERS, type ContenderName } from "../child/protocol.js";
import { monotonicMs } from "../clock.js";

/** The time of a whole bench, shared out evenly among the cases that are still to come. */
export class Budget {
  readonly #endsMs: number;
  readonly #now: () => number;
  #casesLeft: number;

  constructor(totalMs: number, cases: number, now: () => number = monotonicMs) {
    this.#now = now;
    this.#endsMs = now() + totalMs;
    this.#casesLeft = cases;
  }

  /** For the next case: until when it may begin further rounds, and whom it leaves out because no time is left at all. */
  next(): { readonly untilMs: number; readonly leaveOut: Readonly<Partial<Record<ContenderName, string>>> } {
    const leftMs = this.#endsMs - this.#now();
    const untilMs = this.#now() + leftMs / Math.max(1, this.#casesLeft);
    this.#casesLeft -= 1;
    const leaveOut = leftMs > 0 ? {} : Object.fromEntries(CONTENDERS.map((name) => [name, "no time was left"]));
    return { untilMs, leaveOut };
  }
}
