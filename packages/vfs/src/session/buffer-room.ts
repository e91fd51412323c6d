import { HeadwaterError } from "@headwater/core";

/** What waiting for room asks of the log and of the engine. */
export interface BufferRoom {
  /** Limit of unsynced committed bytes. */
  readonly bytesMax: number;
  /** Deadline of the wait, in milliseconds. */
  readonly deadlineMs: number;
  readonly log: {
    readonly pendingTransactions: number;
    readonly pendingBytes: number;
    sequenceThatLeaves(bytes: number): number;
  };
  /** Uploads at once, blocks until the commit is in the replica, and adopts it. Throws at the deadline, or when it can't be. */
  confirm(sequence: number, deadlineMs: number): void;
  monotonicMs(): number;
}

/**
 * Back-pressure: a commit for which the write buffer has no room waits until enough of it is in the replica. One that is
 * larger than the limit is admitted when nothing else is unsynced (the design, "Committing").
 *
 * @throws {HeadwaterError} `BUFFER_FULL` at the deadline, or when the upload can't succeed; `FENCED`.
 */
export function waitForRoom(room: BufferRoom, recordBytes: number): void {
  const { log, bytesMax, deadlineMs } = room;
  const isFull = (): boolean => log.pendingTransactions > 0 && log.pendingBytes + recordBytes > bytesMax;
  if (!isFull()) return;
  const endMs = room.monotonicMs() + deadlineMs;
  do {
    try {
      room.confirm(log.sequenceThatLeaves(Math.max(0, bytesMax - recordBytes)), Math.max(1, endMs - room.monotonicMs()));
    } catch (error) {
      if (HeadwaterError.is(error) && error.code === "FENCED") throw error;
      throw new HeadwaterError(
        "BUFFER_FULL",
        `the write buffer is full of commits that wait for their upload, so this transaction was rolled back; it can be tried again once the store answers, or buffer.maxBytes be raised; waiting=${log.pendingTransactions}, bytes=${log.pendingBytes}, maxBytes=${bytesMax}`,
        { cause: error, retryable: true },
      );
    }
  } while (isFull());
}
