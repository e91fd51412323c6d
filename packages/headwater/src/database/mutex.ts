import { unlessAborted } from "@headwater/core";

/** Lets one task at a time in, in the order of asking. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** Resolves to a function that lets the next one in. Rejects with `ABORTED` when the signal fires first. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    const before = this.#tail;
    let release: () => void = () => undefined;
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    try {
      await (signal === undefined ? before : unlessAborted(before, signal));
    } catch (error) {
      // Whoever waits behind this one still waits for those before it.
      void before.then(release);
      throw error;
    }
    return release;
  }
}
