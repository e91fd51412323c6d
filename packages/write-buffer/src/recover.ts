import { type FileSystem, formatTXID, HeadwaterError, type Runtime, type TXID } from "@headwater/core";
import type { Publisher, StoredFile } from "@headwater/replica";
import { type RecoveredLog, removeLog } from "./commit-log.js";
import { bufferError, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from "./log/segment.js";
import { syncFile } from "./log/sync-file.js";
import { type LogContents, readLog } from "./recovery/read-log.js";
import { baseOf, newestPages, pendingOf, type ResolvedBase, resolve } from "./recovery/resolve.js";
import { finishSetAside, keepSegments, setAside } from "./recovery/set-aside.js";
import { IntentFile } from "./sync/intent-file.js";
import type { Intent } from "./sync/intent-record.js";
import { isOurs } from "./sync/outgoing-file.js";
import { slicesOf } from "./sync/pace.js";

export interface RecoverOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  readonly publisher: Publisher;
  /** Store and prefix, as in the log. */
  readonly identity: string;
  /** Of the replica; absent when that is empty. */
  readonly pageSize?: number;
  /** Newest TXID of the replica, and checksum and timestamp of the newest file in its plan; zeros for an empty one. */
  readonly position: { readonly txid: TXID; readonly fileChecksum: bigint; readonly timestampMs: number };
  readonly runtime: Runtime;
}

/**
 * Why a log was set aside. `superseded`: the replica holds another writer's transactions since. `unknown`: the file whose
 * outcome was open is gone, so whether its commits are in the replica can't be told. `replica-changed`: the replica is
 * not the one that the log builds on (it was reset, or is behind). `damaged`: the log's beginning, or what it says of the
 * replica, is not as it was written.
 */
export type SetAsideReason = "superseded" | "unknown" | "replica-changed" | "damaged";

interface Common {
  /** The newest TXID known to exist. When it is above the caller's position, that is out of date: plan again. */
  readonly replicaTxid: TXID;
  /** Where an earlier recovery, which a crash interrupted, has set a log aside. */
  readonly finishedSetAside?: string;
  /**
   * Completed records behind the last valid one, which had to be cut off: commits that a crash of the machine lost in
   * part, or that were damaged. `path` has their segments.
   */
  readonly cut?: { readonly transactions: number; readonly path: string };
}

export type Recovery =
  /** Nothing to go on with: begin a new log. */
  | (Common & { readonly kind: "none" })
  /** Commits that the replica does not hold. Go on with `log`, at `base`. An unconfirmed intent is the syncer's to settle. */
  | (Common & {
      readonly kind: "resume";
      readonly log: RecoveredLog;
      readonly base: ResolvedBase;
      readonly owner: string;
      readonly writerId: bigint;
    })
  /** Commits that can't be uploaded any more. They are kept at `path`: begin a new log, and tell the user. */
  | (Common & {
      readonly kind: "setAside";
      readonly path: string;
      readonly reason: SetAsideReason;
      /** In words, for a message. */
      readonly detail: string;
      readonly baseTxid: TXID;
      /** How many commits are stranded, as far as they can be read. */
      readonly transactions: number;
      readonly owner?: string;
    });

/**
 * Looks at what a former process left in `dir`, and settles it: cuts an incomplete transaction off, durably; compares an
 * unconfirmed intent with what is in the replica; removes a log whose commits are all there; and sets one aside that
 * can't be gone on with. Nothing that may be needed is deleted.
 *
 * @throws `BUFFER_FOREIGN` for a buffer of another database, page size or format, which is left as it is;
 *   `BUFFER_UNWRITABLE`; what the store throws while an intent is being compared.
 * @see the design, "After a crash"
 */
export async function recoverBuffer(options: RecoverOptions): Promise<Recovery> {
  try {
    return await new BufferRecovery(options).run();
  } catch (error) {
    throw HeadwaterError.is(error) ? error : bufferError("recover the write buffer", options.dir, error);
  }
}

class BufferRecovery {
  readonly #o: RecoverOptions;
  #common: Common;

  constructor(options: RecoverOptions) {
    this.#o = options;
    this.#common = { replicaTxid: options.position.txid };
  }

  async run(): Promise<Recovery> {
    const { fs, dir } = this.#o;
    if (fs.stat(dir) === undefined) return { kind: "none", ...this.#common };
    const finished = finishSetAside(fs, dir);
    if (finished !== undefined) this.#common = { ...this.#common, finishedSetAside: finished };
    const record = IntentFile.read(fs, dir);
    const settled = record === undefined ? 0 : record.confirmed ? record.endSequence : record.startSequence;
    const read = await readLog(fs, dir, settled, slicesOf(this.#o.runtime));
    if (read.kind === "foreign") throw this.#foreign(read.reason);
    if (read.kind === "empty") return this.#nothing();
    if (read.kind === "damaged") return this.#aside("damaged", read.reason, undefined, undefined, 0);
    const { log } = read;
    this.#checkOurs(log.header);
    const resolved = resolve(log, record);
    if (typeof resolved === "string") return this.#aside("damaged", resolved, log.header, log.header.base.txid, log.transactions.length);
    const { base, unconfirmed } = resolved;
    return unconfirmed === undefined ? this.#settle(log, base, false) : this.#compare(log, base, unconfirmed);
  }

  /** What became of the put that was under way. */
  async #compare(log: LogContents, base: ResolvedBase, intent: Intent): Promise<Recovery> {
    const { position } = this.#o;
    const stored = await this.#stored(intent.txid);
    if (stored !== undefined && stored !== "other" && isOurs(intent, stored)) {
      this.#common = { ...this.#common, replicaTxid: higher(position.txid, intent.txid) };
      await this.#confirm();
      return this.#settle(log, baseOf(log, intent), true);
    }
    const stranded = pendingOf(log, base).length;
    if (stored !== undefined) {
      this.#common = { ...this.#common, replicaTxid: higher(position.txid, intent.txid) };
      return this.#aside("superseded", `TXID ${formatTXID(intent.txid)} is another writer's`, log.header, base.txid, stranded);
    }
    if (position.txid >= intent.txid) {
      const detail = `the file of TXID ${formatTXID(intent.txid)}, which was being put, is not there to be compared`;
      return this.#aside("unknown", detail, log.header, base.txid, stranded);
    }
    if (intent.endSequence > log.state.sequence) {
      return this.#aside("damaged", "the log ends before the last transaction that was being put", log.header, base.txid, stranded);
    }
    return this.#settle(log, base, false);
  }

  /** `proved`: the replica was seen to hold the base. */
  async #settle(log: LogContents, base: ResolvedBase, proved: boolean): Promise<Recovery> {
    const { position } = this.#o;
    const pending = pendingOf(log, base);
    if (pending.length === 0) {
      this.#keepBroken(log, base);
      return this.#nothing();
    }
    if (position.txid > base.txid) {
      const detail = `the replica is at TXID ${formatTXID(position.txid)}, and the buffer goes on from ${formatTXID(base.txid)}`;
      return this.#aside("superseded", detail, log.header, base.txid, pending.length);
    }
    if (!proved && !(await this.#sameState(base))) {
      const detail = `TXID ${formatTXID(base.txid)}, from which the buffer goes on, is not in the replica as it was`;
      return this.#aside("replica-changed", detail, log.header, base.txid, pending.length);
    }
    this.#keepBroken(log, base);
    await this.#trim(log);
    const { header, state, starts } = log;
    const recovered: RecoveredLog = {
      pageSize: header.pageSize,
      segmentStarts: starts,
      endOffset: state.end,
      chain: state.chain,
      sequence: state.sequence,
      commit: state.commit,
      baseSequence: base.sequence,
      transactions: pending.map(({ sequence, startOffset, endOffset, commit, minSizePages }) => ({
        sequence,
        startOffset,
        endOffset,
        commit,
        minSizePages,
      })),
      pages: newestPages(pending),
    };
    return { kind: "resume", log: recovered, base, owner: header.owner, writerId: header.writerId, ...this.#common };
  }

  /**
   * The same file, or one that it was compacted into: that has another checksum, and its last input's timestamp.
   */
  async #sameState(base: ResolvedBase): Promise<boolean> {
    const { position } = this.#o;
    if (position.txid !== base.txid) return false;
    if (position.txid === 0n) return true;
    const same = (fileChecksum: bigint, timestampMs: number): boolean =>
      fileChecksum === base.fileChecksum || (base.timestampMs !== 0 && timestampMs === base.timestampMs);
    if (same(position.fileChecksum, position.timestampMs)) return true;
    const stored = await this.#stored(base.txid);
    return stored !== undefined && stored !== "other" && same(stored.trailer.fileChecksum, stored.header.timestampMs);
  }

  async #stored(id: TXID): Promise<StoredFile | "other" | undefined> {
    try {
      return await this.#o.publisher.stored(0, id, id);
    } catch (error) {
      if (HeadwaterError.is(error) && error.code === "LTX_CORRUPT") return "other";
      throw error;
    }
  }

  async #confirm(): Promise<void> {
    const intents = IntentFile.open(this.#o.fs, this.#o.dir);
    try {
      await intents.confirm();
    } finally {
      intents.close();
    }
  }

  #nothing(): Recovery {
    removeLog(this.#o.fs, this.#o.dir);
    return { kind: "none", ...this.#common };
  }

  #aside(
    reason: SetAsideReason,
    detail: string,
    header: SegmentHeader | undefined,
    baseTxid: TXID | undefined,
    transactions: number,
  ): Recovery {
    const { fs, dir, runtime } = this.#o;
    const base = baseTxid ?? (0n as TXID);
    const path = setAside(fs, dir, base, runtime.clock.nowMs());
    const owner = header === undefined || header.owner === "" ? {} : { owner: header.owner };
    return { kind: "setAside", path, reason, detail, baseTxid: base, transactions, ...owner, ...this.#common };
  }

  #keepBroken({ broken, header }: LogContents, base: ResolvedBase): void {
    if (broken.transactions === 0) return;
    const { fs, dir, runtime } = this.#o;
    const copied = broken.inLast ? header.start : undefined;
    const path = keepSegments(fs, dir, { copied, moved: broken.starts }, base.txid, runtime.clock.nowMs());
    this.#common = { ...this.#common, cut: { transactions: broken.transactions, path } };
  }

  /** Cuts what is behind the last mark, and removes leftover segments. All of it is durable then. */
  async #trim({ state, starts, leftovers }: LogContents): Promise<void> {
    const { fs, dir } = this.#o;
    for (const start of leftovers) fs.remove(fs.join(dir, segmentName(start)));
    for (const start of starts) {
      const handle = fs.open(fs.join(dir, segmentName(start)), "r+");
      try {
        const size = Math.max(SEGMENT_HEADER_BYTES, state.end - start);
        if (start === starts[starts.length - 1] && handle.size() > size) handle.truncate(size);
        // What counts as committed from here on must not vanish, so it is made durable even where nothing was cut.
        await syncFile(handle);
      } finally {
        handle.close();
      }
    }
    fs.syncDir(dir);
  }

  #checkOurs(header: SegmentHeader): void {
    const { identity, pageSize } = this.#o;
    if (header.identity !== identity) throw this.#foreign(`it belongs to another database: ${header.identity}`);
    if (pageSize !== undefined && header.pageSize !== pageSize)
      throw this.#foreign(`its page size is ${header.pageSize}, the database's ${pageSize}`);
  }

  #foreign(reason: string): HeadwaterError {
    return new HeadwaterError(
      "BUFFER_FOREIGN",
      `the write buffer can't be used here and was left as it is: ${reason}; choose another directory, or move it away dir=${this.#o.dir}`,
    );
  }
}

function higher(a: TXID, b: TXID): TXID {
  return a > b ? a : b;
}
