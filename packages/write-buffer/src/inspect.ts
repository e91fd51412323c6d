import { type FileSystem, HeadwaterError, type TXID, UNPACED } from "@headwater/core";
import { bufferError } from "./log/segment.js";
import { type LogContents, readLog } from "./recovery/read-log.js";
import { logBytes, newestPages, pendingOf, type Resolved, resolve } from "./recovery/resolve.js";
import { IntentFile } from "./sync/intent-file.js";

/** What a buffer holds. */
export interface BufferReport {
  /** Store and prefix. */
  readonly identity: string;
  readonly owner: string;
  readonly pageSize: number;
  /** The TXID that its commits build on. */
  readonly baseTxid: TXID;
  /** Commits that are not certain to be in the replica. */
  readonly transactions: number;
  /** Distinct pages of theirs that count. */
  readonly pages: number;
  /** Bytes of log that they take. */
  readonly bytes: number;
  /** Database size after them, in pages. */
  readonly commit: number;
  /** A file whose put has no certain outcome. */
  readonly unconfirmedTxid?: TXID;
}

/** A log and its intents, as they were read. */
export interface ReadBuffer {
  readonly log: LogContents;
  readonly resolved: Resolved;
}

/**
 * Reads a buffer, or one that was set aside, and changes nothing. Meant for one that no process is using.
 *
 * @returns `undefined` where none is.
 * @throws `BUFFER_FOREIGN` for what is not a buffer of this format; `BUFFER_UNWRITABLE` for one that can't be read or is
 *   damaged.
 */
export async function inspectBuffer(fs: FileSystem, dir: string): Promise<BufferReport | undefined> {
  const read = await readBuffer(fs, dir);
  return read && reportOf(read);
}

/** Errors and absence as in {@link inspectBuffer}. */
export async function readBuffer(fs: FileSystem, dir: string): Promise<ReadBuffer | undefined> {
  try {
    const record = IntentFile.read(fs, dir);
    const settled = record === undefined ? 0 : record.confirmed ? record.endSequence : record.startSequence;
    const read = await readLog(fs, dir, settled, UNPACED);
    if (read.kind === "empty") return undefined;
    if (read.kind === "foreign")
      throw new HeadwaterError("BUFFER_FOREIGN", `not a write buffer of this release: ${read.reason} dir=${dir}`);
    if (read.kind === "damaged") throw damaged(read.reason, dir);
    const resolved = resolve(read.log, record);
    if (typeof resolved === "string") throw damaged(resolved, dir);
    return { log: read.log, resolved };
  } catch (error) {
    throw bufferError("read the write buffer", dir, error);
  }
}

export function reportOf({ log, resolved: { base, unconfirmed } }: ReadBuffer): BufferReport {
  const pending = pendingOf(log, base);
  const { identity, owner, pageSize } = log.header;
  return {
    identity,
    owner,
    pageSize,
    baseTxid: base.txid,
    transactions: pending.length,
    pages: newestPages(pending).size,
    bytes: logBytes(pending),
    commit: log.state.commit,
    ...(unconfirmed === undefined ? {} : { unconfirmedTxid: unconfirmed.txid }),
  };
}

function damaged(reason: string, dir: string): HeadwaterError {
  return new HeadwaterError("BUFFER_UNWRITABLE", `the write buffer is damaged: ${reason} dir=${dir}`);
}
