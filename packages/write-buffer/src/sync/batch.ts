import type { Pace } from "@headwater/core";
import { dropAbove } from "../log/drop-above.js";
import type { LogReader } from "../log-reader.js";

/** Whole transactions on their way into one file. Sizes in pages. */
export interface Batch {
  readonly startSequence: number;
  readonly endSequence: number;
  /** Of the last one. */
  readonly commit: number;
  /** Smallest size since the file before, its commit included. Every page above it, up to `commit`, is in the file. */
  readonly minSizePages: number;
  /** Newest version that counts of each page written; a page of the file that is not here is zeros. */
  readonly pages: ReadonlyMap<number, number>;
}

/** About one list entry's work, in bytes. */
const ENTRY_BYTES = 64;

/**
 * Collects published transactions after `from`, oldest first: all up to `to`, or as many as fit in about `pagesMax`
 * pages, but at least one.
 *
 * A version of a page counts only if its transaction, and every later one here, kept the database at least so long all
 * the time (design, "Syncing": merging).
 *
 * @throws `SQLITE_IOERR_READ` when the log can't be read.
 */
export async function collectBatch(reader: LogReader, from: number, to: number, pagesMax: number, pace: Pace): Promise<Batch> {
  for (const _ of reader.locate(from)) await pace.turn();
  const pages = new Map<number, number>();
  let minSizePages = Number.POSITIVE_INFINITY;
  let commit: number | undefined;
  let endSequence = from;
  for (let sequence = from + 1; sequence <= to; sequence += 1) {
    if (sequence > from + 1 && pages.size + reader.pageCount(sequence) > pagesMax) break;
    const transaction = reader.record(sequence);
    // Nothing lies above the size that the transaction before left.
    if (commit !== undefined) dropAbove(pages, transaction.minSizePages, commit);
    for (const [pgno, address] of transaction.entries()) {
      pages.set(pgno, address);
      if (pace.spent(ENTRY_BYTES)) await pace.turn();
    }
    if (pace.spent(ENTRY_BYTES)) await pace.turn();
    minSizePages = Math.min(minSizePages, transaction.minSizePages);
    commit = transaction.commit;
    endSequence = sequence;
  }
  return { startSequence: from, endSequence, commit: commit ?? 0, minSizePages: Math.min(minSizePages, commit ?? 0), pages };
}
