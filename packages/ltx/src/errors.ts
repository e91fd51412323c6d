import { HeadwaterError } from "@headwater/core";

/** What is wrong with an LTX file. */
export type LtxProblem =
  /** The bytes end too early, or go on behind the trailer. */
  | "length"
  /** Magic, flags, page size, TXIDs, checksums or WAL fields of the header. */
  | "header"
  /** Page header flags, sizes or compressed data of one frame. */
  | "page-frame"
  /** Pgnos out of order, beyond commit, or the lock page. */
  | "page-order"
  /** The page index is malformed or does not describe the page block. */
  | "page-index"
  | "trailer"
  /** The file checksum differs from the content. */
  | "file-checksum"
  /** The post-apply checksum differs from the pages of a snapshot, or from the next file's pre-apply checksum. */
  | "post-apply-checksum"
  /** A file with minTXID 1 that does not hold every page. */
  | "snapshot"
  /** Files that can't be merged with each other: page sizes or TXID ranges. */
  | "sequence";

/**
 * Bytes that are not what LTX prescribes. Never retryable with the same bytes: fetch the file again, or restore from
 * another one that covers the same TXIDs.
 */
export class LtxCorruptError extends HeadwaterError {
  readonly problem: LtxProblem;

  constructor(problem: LtxProblem, message: string, cause?: unknown) {
    super("LTX_CORRUPT", message, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}

/** Throws `LTX_CORRUPT` unless `condition` holds. For checks off the hot path: the message is built in any case. */
export function check(condition: boolean, problem: LtxProblem, message: string): void {
  if (!condition) throw new LtxCorruptError(problem, message);
}
