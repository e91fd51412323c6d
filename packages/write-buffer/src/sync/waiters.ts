import type { TXID } from "@headwater/core";

interface Waiter {
  readonly sequence: number;
  /** Failed attempts that it bears; infinite for one that only waits. */
  failuresLeft: number;
  readonly resolve: (txid: TXID) => void;
  readonly reject: (error: Error) => void;
}

/** Callers that wait for a commit to be in the replica. */
export class Waiters {
  #waiters: Waiter[] = [];

  /** @param failures - It is rejected at this many failed attempts, or at the first one that waiting can't mend. */
  add(sequence: number, failures: number): Promise<TXID> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ sequence, failuresLeft: failures, resolve, reject });
    });
  }

  /** True if somebody asked for an upload that is still to come. */
  get wantsUpload(): boolean {
    return this.#waiters.some((w) => w.failuresLeft !== Number.POSITIVE_INFINITY);
  }

  settle(sequence: number, txid: TXID): void {
    this.#take(
      (w) => w.sequence <= sequence,
      (w) => w.resolve(txid),
    );
  }

  failed(error: Error, retryable: boolean): void {
    for (const waiter of this.#waiters)
      waiter.failuresLeft = retryable || waiter.failuresLeft === Number.POSITIVE_INFINITY ? waiter.failuresLeft - 1 : 0;
    this.#take(
      (w) => w.failuresLeft <= 0,
      (w) => w.reject(error),
    );
  }

  rejectAll(error: Error): void {
    this.#take(
      () => true,
      (w) => w.reject(error),
    );
  }

  #take(which: (w: Waiter) => boolean, then: (w: Waiter) => void): void {
    const taken = this.#waiters.filter(which);
    this.#waiters = this.#waiters.filter((w) => !which(w));
    for (const waiter of taken) then(waiter);
  }
}
