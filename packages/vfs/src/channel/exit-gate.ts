/** Slots: databases that are still to be heard of, and those whose commits are not all in the replica. */
const WAITING = 0;
const FAILED = 1;

/**
 * Where a thread whose process is ending waits for its databases' last syncs. Its event loop has ended, so it sleeps in
 * `Atomics.wait` on shared memory; the I/O thread counts off there.
 */
export class ExitGate {
  readonly buffer: SharedArrayBuffer;
  readonly #slots: Int32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#slots = new Int32Array(buffer);
  }

  /** One more database is to be waited for. */
  expect(): void {
    Atomics.add(this.#slots, WAITING, 1);
  }

  /** I/O thread: one database is done. */
  done(uploaded: boolean): void {
    if (!uploaded) Atomics.add(this.#slots, FAILED, 1);
    Atomics.sub(this.#slots, WAITING, 1);
    Atomics.notify(this.#slots, WAITING);
  }

  /** Blocks until all are done, or for so long. Returns how many are not known to have uploaded everything. */
  wait(deadlineMs: number, monotonicMs: () => number): number {
    const endMs = monotonicMs() + deadlineMs;
    for (;;) {
      const waiting = Atomics.load(this.#slots, WAITING);
      const leftMs = endMs - monotonicMs();
      if (waiting === 0 || leftMs <= 0) return waiting + Atomics.load(this.#slots, FAILED);
      Atomics.wait(this.#slots, WAITING, waiting, leftMs);
    }
  }
}
