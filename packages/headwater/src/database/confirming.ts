import { unlessAborted } from "@headwater/core";
import type { AsyncClient } from "@headwater/vfs";

/** Called with the number of the last commit that a call made. */
export type OnCommit = (sequence: number) => void;

/**
 * What `durability: "commit"` adds to a call: it returns once what it committed is in the replica. Nothing is held
 * meanwhile, so those who commit during one put share the next (the design, "One writer").
 */
export class Confirming {
  readonly #control: AsyncClient;
  /** Milliseconds; `undefined` with `durability: "interval"`, which waits for nothing. */
  readonly #deadlineMs: number | undefined;

  constructor(control: AsyncClient, deadlineMs: number | undefined) {
    this.#control = control;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * @throws {HeadwaterError} what `work` throws; `NOT_DURABLE` when a commit could not be confirmed in time (it is in the
   *   buffer, and still being retried), or `FENCED`.
   */
  async run<T>(work: (onCommit: OnCommit) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let committed = 0;
    const onCommit = (sequence: number): void => {
      committed = sequence;
    };
    let result: T;
    try {
      result = await work(onCommit);
    } catch (error) {
      // A statement may commit and fail (INSERT OR FAIL): its own error says more than that of the upload.
      await this.confirm(committed, signal).catch(() => undefined);
      throw error;
    }
    await this.confirm(committed, signal);
    return result;
  }

  /** @param sequence - 0 for a call that committed nothing. */
  async confirm(sequence: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#deadlineMs === undefined || sequence === 0) return;
    await unlessAborted(this.#control.call("confirm", { sequence, deadlineMs: this.#deadlineMs }), signal);
  }
}
