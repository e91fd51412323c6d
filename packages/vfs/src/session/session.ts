import {
  errorFromWire,
  FencedError,
  type FileSystem,
  formatTXID,
  HeadwaterError,
  lockPgno,
  type Random,
  type Runtime,
} from "@headwater/core";
import { type Opened, SharedState, unpackFrames } from "@headwater/engine";
import { LocalCopyReader } from "@headwater/hydrator";
import { CommitLog } from "@headwater/write-buffer";
import type { BlockingClient } from "../channel/blocking-client.js";
import type { DatabaseFile, LockLevel } from "../database-file.js";
import { waitForRoom } from "./buffer-room.js";
import { CachedPages } from "./cached-pages.js";
import { CopyLag } from "./copy-lag.js";
import { patchPageOne } from "./page-one.js";
import { answerPragma } from "./pragmas.js";
import { RecentReads } from "./recent-reads.js";

const NONE = 0;
const SHARED = 1;
/** Own synced pages that are kept in the cache at adoption, at most: copying them is the price of the step. */
const KEPT_AT_ADOPTION_MAX = 256;

export interface SessionOptions {
  readonly client: BlockingClient;
  readonly opened: Opened;
  readonly fs: FileSystem;
  /** Where the commit log is. */
  readonly logFs: FileSystem;
  readonly random: Random;
  readonly cacheBytes: number;
  /** Limit of unsynced committed bytes; a commit waits there for the sync. */
  readonly bufferBytesMax: number;
  /** Deadline of one wait for the store, in milliseconds. */
  readonly remoteTimeoutMs: number;
  readonly clock: Runtime["clock"];
}

/**
 * One connection to one database, on the SQLite thread: where each page comes from, and what a write does
 * (the design, "Threads" and "Views and isolation").
 */
export class Session implements DatabaseFile {
  readonly pageSize: number;
  readonly shared: SharedState;
  readonly #o: SessionOptions;
  readonly #cache: CachedPages;
  readonly #log: CommitLog | undefined;
  readonly #copy: LocalCopyReader | undefined;
  readonly #copyLag = new CopyLag();
  readonly #recentReads = new RecentReads();
  readonly #lockPgno: number;
  readonly #isWriter: boolean;
  /** Page 1 of the view: every transaction begins with 16 bytes of it, so it is kept beside the cache. */
  #pageOne: Uint8Array | undefined;
  #viewId: number;
  #viewCommit: number;
  #ownVersion = 0;
  #lockLevel: LockLevel = NONE;
  /** Change counter that a read connection shows; rises at every adoption. */
  #counter = 1;
  #writingEnabled = true;
  #answered = false;

  constructor(options: SessionOptions) {
    const { opened, fs, random, client } = options;
    this.#o = options;
    this.pageSize = opened.pageSize;
    this.shared = new SharedState(opened.shared);
    this.#viewId = opened.viewId;
    this.#viewCommit = opened.commit;
    this.#lockPgno = lockPgno(opened.pageSize);
    this.#isWriter = opened.log !== undefined;
    this.#cache = new CachedPages(options.cacheBytes, opened.pageSize);
    for (const [pgno, data] of opened.pages) this.#cache.addAhead(pgno, data);
    this.#copy = opened.copy && LocalCopyReader.open(fs, opened.copy);
    this.#log =
      opened.log &&
      CommitLog.open({
        ...opened.log,
        fs: options.logFs,
        random,
        pageSize: opened.pageSize,
        signal: {
          published: (sequence, endOffset) => {
            if (this.shared.publishCommit(sequence, endOffset)) client.tell("committed", undefined);
          },
        },
      });
    this.shared.viewTxid = opened.txid;
    this.#noteStatistics();
  }

  get writable(): boolean {
    return this.#isWriter && this.#writingEnabled && this.shared.writeState === "write";
  }

  get writingEnabled(): boolean {
    return this.#isWriter && this.#writingEnabled;
  }

  /** The last local commit. */
  get sequence(): number {
    return this.#log?.publishedSequence ?? 0;
  }

  sizePages(): number {
    this.#adoptOwnSync();
    return this.#log?.sizePages(this.#viewCommit) ?? this.#viewCommit;
  }

  readPage(pgno: number, into: Uint8Array, offsetInPage: number): void {
    this.#adoptOwnSync();
    this.#readUnpatched(pgno, into, offsetInPage);
    if (pgno === 1) patchPageOne(into, offsetInPage, { counter: this.#isWriter ? undefined : this.#counter, commit: this.#viewCommit });
  }

  #readUnpatched(pgno: number, into: Uint8Array, offsetInPage: number): void {
    this.#recentReads.add(pgno);
    const local = this.#log?.read(pgno, into, offsetInPage) ?? "view";
    if (local === "page") return;
    if (local === "zeros" || pgno > this.#viewCommit || pgno === this.#lockPgno) {
      into.fill(0);
      return;
    }
    if (this.#copy !== undefined && !this.#copyLag.has(pgno, this.#copy.appliedView()) && this.#copy.read(pgno, into, offsetInPage)) return;
    const page = (pgno === 1 ? this.#pageOne : undefined) ?? this.#cache.get(pgno) ?? this.#fetch(pgno);
    if (pgno === 1) this.#pageOne = page;
    into.set(page.subarray(offsetInPage, offsetInPage + into.byteLength));
  }

  /** Asks the I/O thread. What comes along is kept. */
  #fetch(pgno: number): Uint8Array {
    const request = { viewId: this.#viewId, pgno, seen: this.#recentReads.takeBefore() };
    const { pages, frames } = this.#o.client.call("read", request, this.#o.remoteTimeoutMs);
    const page = pages.get(pgno);
    if (page === undefined || page.byteLength !== this.pageSize) {
      throw new HeadwaterError("LTX_CORRUPT", `the I/O thread answered without the page; pgno=${pgno}`);
    }
    // What comes as a frame is kept as one.
    for (const [n, frame] of frames === undefined ? [] : unpackFrames(frames)) {
      if (n === pgno) this.#cache.setFrame(n, frame);
      else this.#cache.addFrameAhead(n, frame);
    }
    if (!this.#cache.has(pgno)) this.#cache.set(pgno, page);
    for (const [n, data] of pages) if (n !== pgno) this.#cache.addAhead(n, data);
    return page;
  }

  writePage(pgno: number, data: Uint8Array): void {
    this.#adoptOwnSync();
    this.#writeLog().write(pgno, data);
  }

  truncate(sizePages: number): void {
    this.#adoptOwnSync();
    this.#writeLog().truncate(sizePages);
  }

  completeRecord(): void {
    this.#adoptOwnSync();
    const log = this.#writeLog();
    this.#refuseOtherPageSize(log);
    log.completeRecord((recordBytes) => this.#waitForRoom(log, recordBytes));
  }

  #waitForRoom(log: CommitLog, recordBytes: number): void {
    const { bufferBytesMax: bytesMax, remoteTimeoutMs: deadlineMs, clock, client } = this.#o;
    const confirm = (sequence: number, leftMs: number): void => {
      client.call("confirm", { sequence, deadlineMs: leftMs }, leftMs);
      this.#adoptOwnSync();
    };
    waitForRoom({ bytesMax, deadlineMs, log, confirm, monotonicMs: clock.monotonicMs }, recordBytes);
  }

  /** `PRAGMA page_size` and VACUUM show only in bytes 16-17 of page 1: pages go on coming in the old size. */
  #refuseOtherPageSize(log: CommitLog): void {
    const declared = new Uint8Array(2);
    if (log.read(1, declared, 16) !== "page") return;
    const value = ((declared[0] ?? 0) << 8) | (declared[1] ?? 0);
    const pageSize = value === 1 ? 65_536 : value;
    if (pageSize !== this.pageSize) {
      throw new HeadwaterError(
        "BAD_OPTION",
        `the page size of an existing database can't be changed; pageSize=${this.pageSize}, asked=${pageSize}`,
      );
    }
  }

  sync(durable: boolean): void {
    this.#writeLog().sync(durable);
  }

  publish(): void {
    this.#log?.publish();
    this.#noteStatistics();
  }

  lock(level: LockLevel): void {
    this.#adoptOwnSync();
    if (this.#lockLevel === NONE && level >= SHARED && !this.#isWriter) this.#adoptNewest();
    this.#lockLevel = level;
  }

  unlock(level: LockLevel): void {
    if (level <= SHARED) this.#log?.unlock();
    this.#lockLevel = level;
    if (level === NONE) this.#noteStatistics();
  }

  /** Why {@link writable} is false. */
  refusal(): Error {
    if (this.#isWriter && this.shared.writeState === "fenced") return this.fencedError();
    const way = this.#isWriter ? "PRAGMA litestream_write_enabled = 1 turns it on again" : "open with write: true";
    return new HeadwaterError("READ_ONLY", `writing is off; ${way}`);
  }

  /** Why this writer may not write any more. */
  fencedError(): Error {
    const wire = this.#o.client.call("fence", undefined, this.#o.remoteTimeoutMs);
    return wire === undefined ? new FencedError("another writer committed first", { localTxid: "", remoteTxid: "" }) : errorFromWire(wire);
  }

  /** Turns writing off and on at run time. A connection that was opened read only stays so. */
  setWritingEnabled(enabled: boolean): void {
    if (enabled && !this.#isWriter) throw new HeadwaterError("READ_ONLY", "this connection was opened read only; open with write: true");
    this.#writingEnabled = enabled;
  }

  /** Read connections: the newest view there is, where no transaction is open. */
  #adoptNewest(): void {
    if (this.shared.newestView === this.#viewId) return;
    const reply = this.#o.client.call("adopt", { viewId: this.#viewId }, this.#o.remoteTimeoutMs);
    if (reply.viewId === this.#viewId) return;
    this.#viewId = reply.viewId;
    this.#viewCommit = reply.commit;
    this.#counter += 1;
    this.shared.viewTxid = reply.txid;
    this.#pageOne = undefined;
    if (reply.changed === "all") this.#cache.clear();
    else for (const pgno of reply.changed) this.#cache.delete(pgno);
    if (this.#copy !== undefined) this.#copyLag.add(reply.viewId, reply.changed);
  }

  /**
   * Own syncs change no content, so they are adopted in one step between any two calls: the next view, and without the
   * buffer's pages up to the sequence that it holds. One load when there is nothing new.
   */
  #adoptOwnSync(): void {
    if (this.#log === undefined || this.shared.ownVersion === this.#ownVersion) return;
    const own = this.shared.readOwnSync();
    if (own === undefined) return;
    this.#ownVersion = own.version;
    this.#pageOne = undefined;
    let room = KEPT_AT_ADOPTION_MAX;
    const { pgnos, minSizePages } = this.#log.adopt(own.sequence, (pgno, read) => {
      // What the cache has of it is older than what the buffer had.
      this.#cache.delete(pgno);
      if (room === 0) return;
      room -= 1;
      const page = new Uint8Array(this.pageSize);
      if (read(page)) this.#cache.set(pgno, page);
    });
    if (minSizePages < this.#viewCommit) this.#dropAbove(minSizePages, pgnos);
    if (this.#copy !== undefined) this.#copyLag.add(own.viewId, pgnos, minSizePages);
    this.#viewId = own.viewId;
    this.#viewCommit = own.commit;
    this.shared.viewTxid = own.txid;
    this.#noteStatistics();
    this.#o.client.tell("adopted", { viewId: own.viewId });
  }

  /** The database was smaller in between: above that size only what was written since is the view's. */
  #dropAbove(sizePages: number, written: readonly number[]): void {
    const fresh = new Set(written);
    this.#cache.retain((pgno) => pgno <= sizePages || fresh.has(pgno));
  }

  /** The first statement has its answer: what runs in the background may begin. */
  answered(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#o.client.tell("answered", undefined);
  }

  /** Adopts what there is, for a thread that nothing calls at the moment. */
  poke(): void {
    this.#adoptOwnSync();
  }

  pragma(name: string, value: string | undefined): string | undefined {
    return answerPragma(this, name, value, this.#o.clock.nowMs());
  }

  get copyPath(): string | undefined {
    return this.#o.opened.copy?.path;
  }

  get txid(): string {
    this.#adoptOwnSync();
    return formatTXID(this.shared.viewTxid);
  }

  #writeLog(): CommitLog {
    if (this.#log === undefined) throw new HeadwaterError("READ_ONLY", "this connection was opened read only; open with write: true");
    return this.#log;
  }

  #noteStatistics(): void {
    const { shared } = this;
    shared.setStatistic("pageSize", this.pageSize);
    shared.setStatistic("pageCount", this.#log?.sizePages(this.#viewCommit) ?? this.#viewCommit);
    shared.setStatistic("cacheHits", this.#cache.hits);
    shared.setStatistic("cacheMisses", this.#cache.misses);
    shared.setStatistic("cacheBytes", this.#cache.bytes);
    if (this.#log === undefined) return;
    shared.setStatistic("pendingTransactions", this.#log.pendingTransactions);
    shared.setStatistic("pendingBytes", this.#log.pendingBytes);
  }

  /** SQLite is done with the file. The log stays open: the engine's last sync still reads it. */
  close(): void {
    this.#copy?.close();
  }

  /** After the last sync: a log that holds nothing more is removed, any other stays for the next open. */
  end(): void {
    this.#adoptOwnSync();
    this.#log?.close();
  }
}
