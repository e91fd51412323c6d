import { type FileSystem, HeadwaterError, isPageSize, lockPgno, OptionError, type Random } from "@headwater/core";
import { commitSize } from "./log/commit-size.js";
import { LogWriter } from "./log/log-writer.js";
import { Overlay } from "./log/overlay.js";
import { type LoggedTransaction, PublishedPages } from "./log/published.js";
import { encodeMark, FRAME_HEAD_BYTES, MARK_BYTES_MAX, markBytes } from "./log/record.js";
import { bufferError, type LogBase, listSegments, segmentName } from "./log/segment.js";
import { INTENT_FILE } from "./sync/intent-file.js";

/** A segment is followed by another once it is this long. */
export const SEGMENT_BYTES_DEFAULT: number = 4 * 1024 * 1024;
/** Frames kept in memory while the log can't be written. */
const MEMORY_BYTES_DEFAULT = 16 * 1024 * 1024;

/** How the I/O side learns of commits. */
export interface CommitSignal {
  /** A transaction was published: the newest sequence, and the log's offset behind it. Called last, must not throw. */
  published(sequence: number, endOffset: number): void;
}

/** A log that a former process left, as `recoverBuffer` found it. Plain data, fit for a message between threads. */
export interface RecoveredLog {
  readonly pageSize: number;
  readonly segmentStarts: readonly number[];
  /** Behind the last mark. */
  readonly endOffset: number;
  readonly chain: bigint;
  readonly sequence: number;
  readonly commit: number;
  /** The last sequence that the replica holds. */
  readonly baseSequence: number;
  /** What the replica does not hold yet, oldest first. */
  readonly transactions: readonly LoggedTransaction[];
  /** Newest frame of each of their pages. */
  readonly pages: ReadonlyMap<number, number>;
}

/** What {@link CommitLog.adopt} forgot. */
export interface Adopted {
  /** The pages that the buffer held in just the view's version. */
  readonly pgnos: readonly number[];
  /**
   * Smallest size that the database had in these transactions, in pages; infinite when there were none. Whatever a
   * cache or a copy has above it, from before them, is not the view's.
   */
  readonly minSizePages: number;
}

export interface CommitLogOptions {
  readonly fs: FileSystem;
  /** Directory of the buffer; nothing else may be in it. */
  readonly dir: string;
  readonly pageSize: number;
  /** The state of the replica that the first transaction builds on. */
  readonly base: LogBase;
  /** Store and prefix: a buffer is only ever used for the database that it was made for. */
  readonly identity: string;
  /** Who writes, as in the lease. */
  readonly owner: string;
  readonly writerId: bigint;
  readonly random: Random;
  readonly signal: CommitSignal;
  readonly segmentBytes?: number;
  /** Frames kept in memory while the log can't be written, in pages. Default: 16 MiB. */
  readonly memoryPagesMax?: number;
  readonly recovered?: RecoveredLog;
}

/**
 * The write side of the buffer: SQLite's calls on the main file, turned into records of a crash-safe log. Synchronous,
 * for the SQLite thread. The rules are those of "Committing" in the design.
 */
export class CommitLog {
  readonly #options: CommitLogOptions;
  readonly #writer: LogWriter;
  readonly #published: PublishedPages;
  readonly #lockPage: number;
  #overlay: Overlay | undefined;
  /** This transaction failed or is being rolled back: its calls do nothing until the lock is given up. */
  #doomed = false;

  private constructor(options: CommitLogOptions) {
    const { fs, dir, pageSize, recovered, base } = options;
    this.#options = options;
    this.#lockPage = lockPgno(pageSize);
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    const memoryPages = options.memoryPagesMax ?? Math.ceil(MEMORY_BYTES_DEFAULT / pageSize);
    const memoryBytesMax = memoryPages * (pageSize + FRAME_HEAD_BYTES);
    const { identity, owner, writerId } = options;
    const headerBase = { ...base, timestampMs: Math.max(0, base.timestampMs ?? 0) };
    const common = { pageSize, base: headerBase, baseSequence: recovered?.baseSequence ?? 0, identity, owner, writerId };
    const writer = { fs, dir, common, segmentBytes, memoryBytesMax };
    if (recovered === undefined) {
      this.#writer = LogWriter.create(writer, { chain: 0n, sequence: 0, commit: base.commit });
    } else {
      const { endOffset: end, chain, sequence, commit, segmentStarts } = recovered;
      this.#writer = LogWriter.resume(writer, { end, chain, sequence, commit }, segmentStarts);
    }
    this.#published = new PublishedPages(recovered?.transactions ?? [], recovered?.pages ?? new Map());
  }

  /**
   * Creates the log, or goes on with a recovered one. Says nothing to `signal`.
   *
   * @throws `BUFFER_UNWRITABLE` when the directory can't be written, or already holds a log and `recovered` is not it.
   */
  static open(options: CommitLogOptions): CommitLog {
    const { fs, dir, pageSize, recovered } = options;
    if (!isPageSize(pageSize)) throw new OptionError("BAD_OPTION", `not a page size of SQLite pageSize=${pageSize}`);
    if (recovered !== undefined && recovered.pageSize !== pageSize) {
      throw new HeadwaterError(
        "BUFFER_FOREIGN",
        `the write buffer has another page size dir=${dir} buffer=${recovered.pageSize} asked=${pageSize}`,
      );
    }
    if (recovered === undefined && listSegments(fs, dir).length > 0) {
      throw new HeadwaterError("BUFFER_UNWRITABLE", `a write buffer is there already; recover it first dir=${dir}`);
    }
    return new CommitLog(options);
  }

  /** xWrite of one whole page. @throws `BUFFER_UNWRITABLE`, which dooms the transaction. */
  write(pgno: number, data: Uint8Array): void {
    const { pageSize } = this.#options;
    if (data.byteLength !== pageSize || !Number.isInteger(pgno) || pgno < 1 || pgno > 0xfffffffe) {
      throw new HeadwaterError("SQLITE_IOERR_WRITE", `not a page write pgno=${pgno} bytes=${data.byteLength} pageSize=${pageSize}`);
    }
    if (this.#doomed) return;
    if (this.#overlay?.mark !== undefined) {
      this.#doom();
      return;
    }
    const overlay = this.#begin();
    // The lock page is never stored; writing it only makes the file longer.
    if (pgno === this.#lockPage) overlay.extend(pgno);
    else this.#orDoom(() => overlay.write(pgno, data, this.#writer.appendFrame(pgno, overlay.salt, data)));
  }

  /** xTruncate. */
  truncate(sizePages: number): void {
    if (this.#doomed) return;
    const mark = this.#overlay?.mark;
    if (mark !== undefined && sizePages !== mark.commit) {
      this.#doom();
      return;
    }
    const overlay = this.#begin();
    if (sizePages <= overlay.sizePages) overlay.truncate(sizePages);
    else overlay.extend(sizePages);
  }

  /**
   * FCNTL_SYNC: the record is complete and whole in the file, though not yet durable. All that can fail is done here.
   *
   * @param admit - Told before that how many bytes of log the transaction takes. May wait for room (and adopt meanwhile)
   *   and throws where there is none.
   * @throws what `admit` throws; `BUFFER_UNWRITABLE`, `SQLITE_CORRUPT`, or `BAD_OPTION` for another page size; each dooms the transaction.
   */
  completeRecord(admit?: (recordBytes: number) => void): void {
    const overlay = this.#overlay;
    if (this.#doomed || overlay === undefined || overlay.mark !== undefined) return;
    this.#orDoom(() => {
      admit?.(overlay.frames * this.#writer.frameBytes + markBytes(overlay.pages.size));
      this.#completeRecord(overlay);
    });
  }

  /**
   * xSync. Does nothing unless `durable` (the journal was synced twice: synchronous FULL or EXTRA).
   *
   * @throws `BUFFER_UNWRITABLE`, which dooms the transaction. It may be there, whole, after a crash of the machine.
   */
  sync(durable: boolean): void {
    if (this.#doomed || !durable || this.#overlay === undefined) return;
    this.#orDoom(() => {
      try {
        this.#writer.sync();
      } catch (error) {
        const { dir } = this.#options;
        throw new HeadwaterError(
          "BUFFER_UNWRITABLE",
          `the commit was rolled back, but its outcome is unknown if the machine crashes now: the write buffer could not be made durable dir=${dir}`,
          {
            cause: error,
          },
        );
      }
    });
  }

  /**
   * FCNTL_COMMIT_PHASETWO: publishes the completed record. Never throws.
   *
   * @returns The commit's sequence; `undefined` when nothing was written.
   */
  publish(): number | undefined {
    const overlay = this.#overlay;
    const mark = overlay?.mark;
    if (this.#doomed || overlay === undefined || mark === undefined) return undefined;
    const before = this.#writer.position;
    const sequence = before.sequence + 1;
    // The first frame may have begun a segment, so the record begins where the writer put it.
    const endOffset = this.#writer.end;
    const startOffset = endOffset - markBytes(mark.pages) - overlay.frames * this.#writer.frameBytes;
    this.#writer.publish(sequence, mark.commit);
    const transaction = { sequence, startOffset, endOffset, commit: mark.commit, minSizePages: mark.minSizePages };
    this.#published.publish(transaction, before.commit, overlay.pages);
    this.#overlay = undefined;
    this.#options.signal.published(sequence, endOffset);
    return sequence;
  }

  /** xUnlock to SHARED or NONE: what was not published is gone. Never throws. */
  unlock(): void {
    if (this.#overlay !== undefined) this.#writer.cut();
    this.#overlay = undefined;
    this.#doomed = false;
    this.#writer.tidy();
  }

  /**
   * Reads page `pgno` from `offsetInPage` into `into`: the open transaction's version, else the newest published one.
   *
   * @returns `"page"` or `"zeros"`: `into` is filled. `"view"`: it is not, and the view holds the page.
   * @throws `SQLITE_IOERR_READ`.
   */
  read(pgno: number, into: Uint8Array, offsetInPage: number): "page" | "zeros" | "view" {
    const overlay = this.#overlay;
    let address = overlay?.pages.get(pgno);
    if (address === undefined && overlay !== undefined && pgno > overlay.minSizePages) return zeros(into);
    address ??= this.#published.address(pgno);
    if (address !== undefined) {
      this.#writer.read(address, into, offsetInPage);
      return "page";
    }
    return pgno > this.#published.zeroBound || pgno === this.#lockPage ? zeros(into) : "view";
  }

  /** The database size in pages: the open transaction's, else the newest buffered commit, else the view's. */
  sizePages(viewCommit: number): number {
    return this.#overlay?.sizePages ?? this.#published.commit ?? viewCommit;
  }

  /**
   * The view now holds everything up to `sequence`: forgets that, and gives up the segments that nothing needs
   * (they are deleted one by one, here and at each unlock). The caller switches the view in the same step. May be called within a transaction. Never throws.
   *
   * @param keep - Told of each page that is forgotten, with a way to read it (valid during the call) that says whether
   *   it could; for caches.
   */
  adopt(sequence: number, keep?: (pgno: number, read: (into: Uint8Array) => boolean) => void): Adopted {
    const { pages, minSizePages, endOffset } = this.#published.adopt(sequence);
    if (keep !== undefined) for (const [pgno, address] of pages) keep(pgno, (into) => this.#readAgain(address, into));
    if (endOffset !== undefined) this.#writer.deleteBefore(endOffset);
    this.#writer.tidy();
    return { pgnos: pages.map(([pgno]) => pgno), minSizePages };
  }

  #readAgain(address: number, into: Uint8Array): boolean {
    try {
      this.#writer.read(address, into, 0);
      return true;
    } catch {
      return false; // the view has the page too
    }
  }

  /** The newest commit; 0 before the first one of a new log. */
  get publishedSequence(): number {
    return this.#writer.position.sequence;
  }

  /** Where the log ends, behind the newest commit. */
  get publishedEnd(): number {
    return this.#writer.position.end;
  }

  /** Commits that the view does not hold yet. */
  get pendingTransactions(): number {
    return this.#published.transactions;
  }

  /** Bytes of log that they take. */
  get pendingBytes(): number {
    return this.#published.bytes;
  }

  /** The first commit with whose sync not more than `bytes` of log stay pending; the newest one if no other does. */
  sequenceThatLeaves(bytes: number): number {
    return this.#published.sequenceThatLeaves(bytes) ?? this.publishedSequence;
  }

  /**
   * Cuts an open transaction and closes the files. A log with nothing pending is removed, unless `keep`; any other is
   * made durable and stays for the next open.
   *
   * @throws `BUFFER_UNWRITABLE` when it can't be made durable. The files are closed all the same.
   */
  close(options: { readonly keep?: boolean } = {}): void {
    this.unlock();
    const remove = this.pendingTransactions === 0 && options.keep !== true;
    try {
      if (!remove) this.#writer.sync();
    } finally {
      this.#writer.close();
    }
    if (remove) removeLog(this.#options.fs, this.#options.dir);
  }

  #begin(): Overlay {
    if (this.#overlay !== undefined) return this.#overlay;
    const { random } = this.#options;
    this.#writer.begin();
    const overlay = new Overlay(this.#writer.position.commit, { high: random.nextU32(), low: random.nextU32() });
    this.#overlay = overlay;
    return overlay;
  }

  #completeRecord(overlay: Overlay): void {
    const commit = commitSize(overlay, this.#options.pageSize);
    const minSizePages = Math.min(overlay.minSizePages, commit);
    const first = this.#writer.end - overlay.frames * this.#writer.frameBytes;
    let count = 0;
    for (const pgno of overlay.pages.keys()) if (pgno <= commit) count += 1;
    if (markBytes(count) > MARK_BYTES_MAX) {
      throw new HeadwaterError("BUFFER_FULL", `the transaction has too many pages; split it pages=${count}`);
    }
    const { salt, frames } = overlay;
    const mark = { salt, sequence: this.#writer.position.sequence + 1, commit, minSizePages, frames, pages: count };
    this.#writer.appendMark(encodeMark(mark, overlay.pages, first, this.#writer.frameBytes));
    overlay.mark = { commit, minSizePages, pages: count };
  }

  #orDoom(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#doom();
      throw error;
    }
  }

  #doom(): void {
    this.#doomed = true;
    this.#writer.cut();
    this.#overlay = undefined;
  }
}

function zeros(into: Uint8Array): "zeros" {
  into.fill(0);
  return "zeros";
}

/**
 * Removes a log that nothing needs, its oldest segment last but for the intent file, so that whatever a crash leaves still
 * says that nothing is pending. Only the oldest is known to be durable: were it gone, a later one that a crash tore would
 * look like a log with a damaged beginning.
 */
export function removeLog(fs: FileSystem, dir: string): void {
  try {
    const [oldest, ...later] = listSegments(fs, dir).map((start) => fs.join(dir, segmentName(start)));
    for (const path of later) fs.remove(path);
    if (later.length > 0) fs.syncDir(dir);
    if (oldest !== undefined) fs.remove(oldest);
    fs.syncDir(dir);
    fs.remove(fs.join(dir, INTENT_FILE));
    fs.syncDir(dir);
  } catch (error) {
    throw bufferError("remove the write buffer", dir, error);
  }
}
