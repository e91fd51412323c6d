import type { BufferContents, ExportOptions } from "./unsynced.js";

export type { BufferContents, ExportOptions } from "./unsynced.js";

// Both need what otherwise only the I/O thread loads, so they are loaded when they are called.

/**
 * What a buffer holds that the replica does not; of one that no process is writing, or that was set aside. Changes nothing.
 *
 * @param dir - The folder: `status.buffer.path`, one of `status.buffer.setAside`, or `bufferPath` of a `FencedError`.
 * @throws {HeadwaterError} `BUFFER_FOREIGN` where no buffer is; `BUFFER_UNWRITABLE` when it is damaged or can't be read.
 */
export async function inspectBuffer(dir: string): Promise<BufferContents> {
  return (await import("./unsynced.js")).inspectBuffer(dir);
}

/**
 * Writes the unsynced commits of a buffer out: as the whole database in a plain SQLite file, for which the replica is read
 * as it was at `baseTxid`; or, where the file's name ends in `.ltx`, as the one LTX file that a sync would have made of
 * them. Changes neither buffer nor replica, and never writes over a file.
 *
 * @throws {HeadwaterError} as {@link inspectBuffer}; `OUT_OF_RANGE` or `REPLICA_GAP` when the replica no longer has the
 *   state that they build on (an `.ltx` file can be made all the same); what the store answers.
 */
export async function exportBuffer(dir: string, file: string, options: ExportOptions = {}): Promise<void> {
  return (await import("./unsynced.js")).exportBuffer(dir, file, options);
}
