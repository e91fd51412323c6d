import { abortedError, throwIfAborted } from "@headwater/core";

interface Waiter {
  readonly take: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * Lets so many requests through at a time and the others wait in order, before they are signed. The connection pool would
 * queue them too, but there the wait counts as making a connection, and fails when it takes long.
 */
export class Slots {
  #free: number;
  #waiting: Set<Waiter> = new Set();
  #closed: Error | undefined;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Waits for a slot.
   *
   * @returns What gives it back; further calls of that do nothing.
   * @throws {HeadwaterError} `ABORTED`, or what {@link close} was given.
   */
  async acquire(signal: AbortSignal | undefined): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release();
      isHeld = false;
    };
  }

  /** Fails all that wait, and all that come. Those that hold a slot are not told. */
  close(error: Error): void {
    this.#closed = error;
    for (const waiter of this.#waiting) waiter.fail(error);
    this.#waiting.clear();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        waiter.fail(abortedError(signal));
      };
      const end = (): void => signal?.removeEventListener("abort", onAbort);
      const waiter: Waiter = {
        take: () => {
          end();
          resolve();
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next.take();
  }
}

/** Settles as `task` does, or fails with `ABORTED` as soon as the signal fires; `task` then goes on unobserved. */
export async function abortable<T>(task: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return task;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortedError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
