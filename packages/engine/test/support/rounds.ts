import type { StoreCall } from "@headwater/object-store/testing";

/** Turns of the event loop without a new request after which whoever asks is taken to be waiting for an answer. */
const QUIET_TURNS = 50;

/**
 * Answers requests in rounds: all that are under way at once, and only when nothing more is asked for. So the number of
 * rounds is that of dependent round trips, whatever the machine does. Put `before` around a store.
 */
export class Rounds {
  /** Dependent round trips so far. */
  count = 0;
  readonly calls: StoreCall[] = [];
  #waiting: (() => void)[] = [];
  #isTicking = false;

  readonly before = (call: StoreCall): Promise<void> => {
    this.calls.push(call);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isTicking) void this.#tick();
    });
  };

  requests(kind: StoreCall["kind"]): number {
    return this.calls.filter((call) => call.kind === kind).length;
  }

  async #tick(): Promise<void> {
    this.#isTicking = true;
    for (let quiet = 0, seen = this.calls.length; quiet < QUIET_TURNS; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.calls.length === seen) continue;
      seen = this.calls.length;
      quiet = 0;
    }
    this.#isTicking = false;
    this.count += 1;
    for (const answer of this.#waiting.splice(0)) answer();
  }
}
