import { HeadwaterError, lockPgno, type TXID } from "@headwater/core";
import { MemoryFileSystem, SeededRandom } from "@headwater/core/testing";
import { CommitLog, LogReader } from "@headwater/write-buffer";
import type { DatabaseFile, LockLevel } from "../../src/database-file.js";

type Pages = ReadonlyMap<number, Uint8Array>;
interface State {
  readonly sequence: number;
  readonly pages: Pages;
  readonly size: number;
}
const EMPTY: State = { sequence: 0, pages: new Map(), size: 0 };
const DIR = "/buffer";

/**
 * A database file over the real commit log on files in memory. What is published is put together from the log's read
 * side, as a sync would upload it; and now and then, at any call, the view moves on to one of those states.
 */
export class LogDatabaseFile implements DatabaseFile {
  readonly pageSize: number;
  readonly writable = true;
  readonly fs: MemoryFileSystem = new MemoryFileSystem();
  /** How often a call is preceded by an adoption, where something can be adopted. */
  adoptionChance = 0.05;
  adoptions = 0;
  readonly #log: CommitLog;
  readonly #reader: LogReader;
  readonly #random: SeededRandom;
  readonly #lockPage: number;
  #view: State = EMPTY;
  #newest: State = EMPTY;
  /** Published and not adopted, oldest first. */
  #pending: State[] = [];
  #publishedEnd = 0;
  #oddPageSize = false;

  constructor(pageSize: number, seed: number, options: { memoryPagesMax?: number; segmentBytes?: number } = {}) {
    this.pageSize = pageSize;
    this.#lockPage = lockPgno(pageSize);
    this.#random = new SeededRandom(seed);
    this.fs.mkdir(DIR);
    this.#log = CommitLog.open({
      fs: this.fs,
      dir: DIR,
      pageSize,
      base: { txid: 0n as TXID, fileChecksum: 0n, commit: 0 },
      identity: "memory:test",
      owner: "test",
      writerId: 1n,
      random: this.#random,
      signal: { published: (sequence, endOffset) => this.#published(sequence, endOffset) },
      ...options,
    });
    const published = (): { sequence: number; endOffset: number } => ({
      sequence: this.#log.publishedSequence,
      endOffset: this.#publishedEnd,
    });
    this.#reader = new LogReader({ fs: this.fs, dir: DIR, pageSize, published });
  }

  #published(sequence: number, endOffset: number): void {
    this.#publishedEnd = endOffset;
    for (const transaction of this.#reader.transactions(sequence - 1, sequence)) {
      const { commit, minSizePages } = transaction;
      const pages = new Map([...this.#newest.pages].filter(([pgno]) => pgno <= minSizePages));
      for (const [pgno, address] of transaction.pages) {
        const page = new Uint8Array(this.pageSize);
        this.#reader.readPage(address, page);
        pages.set(pgno, page);
      }
      this.#newest = { sequence, pages, size: commit };
      this.#pending.push(this.#newest);
    }
  }

  publishedBytes(): Uint8Array {
    const { pages, size } = this.#newest;
    const out = new Uint8Array(size * this.pageSize);
    for (const [pgno, page] of pages) if (pgno <= size) out.set(page, (pgno - 1) * this.pageSize);
    return out;
  }

  #maybeAdopt(): void {
    if (this.#pending.length === 0 || !this.#random.chance(this.adoptionChance)) return;
    const state = this.#pending[this.#random.below(this.#pending.length)] ?? EMPTY;
    this.#log.adopt(state.sequence);
    this.#reader.release(state.sequence);
    this.#view = state;
    this.#pending = this.#pending.filter(({ sequence }) => sequence > state.sequence);
    this.adoptions += 1;
  }

  sizePages(): number {
    this.#maybeAdopt();
    return this.#log.sizePages(this.#view.size);
  }

  readPage(pgno: number, into: Uint8Array, offsetInPage: number): void {
    this.#maybeAdopt();
    if (this.#log.read(pgno, into, offsetInPage) !== "view") return;
    const page = pgno > this.#view.size || pgno === this.#lockPage ? undefined : this.#view.pages.get(pgno);
    if (page === undefined) into.fill(0);
    else into.set(page.subarray(offsetInPage, offsetInPage + into.byteLength));
  }

  writePage(pgno: number, data: Uint8Array): void {
    this.#maybeAdopt();
    if (pgno === 1) {
      const pageSize = ((data[16] ?? 0) << 8) | (data[17] ?? 0);
      this.#oddPageSize = (pageSize === 1 ? 65536 : pageSize) !== this.pageSize;
    }
    this.#log.write(pgno, data);
  }

  truncate(sizePages: number): void {
    this.#maybeAdopt();
    this.#log.truncate(sizePages);
  }

  completeRecord(): void {
    this.#maybeAdopt();
    if (this.#oddPageSize) throw new HeadwaterError("BAD_OPTION", "the page size can't be changed");
    this.#log.completeRecord();
  }

  sync(durable: boolean): void {
    this.#log.sync(durable);
  }

  publish(): void {
    this.#log.publish();
  }

  lock(_level: LockLevel): void {
    this.#maybeAdopt();
  }

  unlock(_level: LockLevel): void {
    this.#log.unlock();
    this.#oddPageSize = false;
  }

  pragma(): string | undefined {
    return undefined;
  }

  close(): void {
    this.#reader.close();
    this.#log.close();
  }
}
