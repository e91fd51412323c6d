import { lockPgno } from "@headwater/core";
import type { DatabaseFile, LockLevel } from "../../src/database-file.js";

/** The calls that a test can make fail, or look at. */
export type FileCall =
  | "readPage"
  | "writePage"
  | "truncate"
  | "completeRecord"
  | "sync"
  | "publish"
  | "lock"
  | "unlock"
  | "pragma"
  | "close";

interface Overlay {
  /** Pages that the open transaction wrote, undefined once it is over. */
  readonly pages: Map<number, Uint8Array>;
  size: number;
  /** Smallest size since it began: what lies above it and was not written reads as zeros. */
  smallest: number;
  /** The commit of its mark, once FCNTL_SYNC completed it. */
  mark: number | undefined;
  doomed: boolean;
}

/**
 * The rules of the design, "Committing", over a Map: a published state, the open transaction over it, and nothing else.
 * It is the yardstick of the adapter's tests, so it also records every call.
 */
export class MemoryDatabaseFile implements DatabaseFile {
  readonly pageSize: number;
  writable = true;
  /** Why not, where it is not. */
  reason: Error | undefined;
  /** Calls in order, when recording was asked for. */
  readonly calls: string[] = [];
  recording = false;
  closed = false;
  /** Called before each call; what it throws is what the call throws. */
  fault: ((call: FileCall) => void) | undefined;
  onPragma: (name: string, value: string | undefined) => string | undefined = () => undefined;
  /** Called when a transaction was published, with its commit. */
  onPublish: (() => void) | undefined;
  #pages = new Map<number, Uint8Array>();
  #size = 0;
  #overlay: Overlay | undefined;
  readonly #lockPage: number;

  constructor(pageSize: number) {
    this.pageSize = pageSize;
    this.#lockPage = lockPgno(pageSize);
  }

  /** A database from the bytes of a SQLite file. */
  static of(bytes: Uint8Array, pageSize: number): MemoryDatabaseFile {
    const file = new MemoryDatabaseFile(pageSize);
    file.#size = bytes.byteLength / pageSize;
    for (let i = 0; i < file.#size; i += 1) file.#pages.set(i + 1, bytes.slice(i * pageSize, (i + 1) * pageSize));
    return file;
  }

  /** The published state, as the bytes of a SQLite file. */
  publishedBytes(): Uint8Array {
    const out = new Uint8Array(this.#size * this.pageSize);
    for (const [pgno, page] of this.#pages) if (pgno <= this.#size) out.set(page, (pgno - 1) * this.pageSize);
    return out;
  }

  get publishedPages(): number {
    return this.#size;
  }

  /** True while a transaction has written and is not over. */
  get hasOverlay(): boolean {
    return this.#overlay !== undefined;
  }

  refusal(): Error | undefined {
    return this.reason;
  }

  #enter(call: FileCall, ...details: unknown[]): void {
    if (this.recording) this.calls.push([call, ...details].join(" "));
    this.fault?.(call);
  }

  #begin(): Overlay {
    this.#overlay ??= { pages: new Map(), size: this.#size, smallest: this.#size, mark: undefined, doomed: false };
    return this.#overlay;
  }

  /** Runs a writing call; where it fails, the transaction is doomed. */
  #writing(call: FileCall, body: (overlay: Overlay) => void, ...details: unknown[]): void {
    const overlay = this.#begin();
    if (overlay.doomed) {
      if (this.recording) this.calls.push(`${call} (doomed)`);
      return;
    }
    try {
      this.#enter(call, ...details);
      body(overlay);
    } catch (error) {
      overlay.doomed = true;
      throw error;
    }
  }

  #visible(): Overlay | undefined {
    return this.#overlay?.doomed === true ? undefined : this.#overlay;
  }

  sizePages(): number {
    return this.#visible()?.size ?? this.#size;
  }

  readPage(pgno: number, into: Uint8Array, offsetInPage: number): void {
    this.#enter("readPage", pgno);
    if (pgno < 1 || pgno > this.sizePages() || offsetInPage + into.byteLength > this.pageSize) {
      throw new Error(`read outside the database pgno=${pgno} size=${this.sizePages()} offset=${offsetInPage} bytes=${into.byteLength}`);
    }
    const overlay = this.#visible();
    const page = overlay?.pages.get(pgno) ?? (pgno > (overlay?.smallest ?? this.#size) ? undefined : this.#pages.get(pgno));
    if (page === undefined) into.fill(0);
    else into.set(page.subarray(offsetInPage, offsetInPage + into.byteLength));
  }

  writePage(pgno: number, data: Uint8Array): void {
    this.#writing(
      "writePage",
      (overlay) => {
        if (data.byteLength !== this.pageSize || pgno === this.#lockPage)
          throw new Error(`bad write pgno=${pgno} bytes=${data.byteLength}`);
        if (overlay.mark !== undefined) {
          overlay.doomed = true; // A write behind the mark is a rollback.
          return;
        }
        overlay.pages.set(pgno, data.slice());
        overlay.size = Math.max(overlay.size, pgno);
      },
      pgno,
    );
  }

  truncate(sizePages: number): void {
    this.#writing(
      "truncate",
      (overlay) => {
        if (overlay.mark !== undefined) {
          if (overlay.mark !== sizePages) overlay.doomed = true;
          else overlay.size = sizePages;
          return;
        }
        overlay.size = sizePages;
        overlay.smallest = Math.min(overlay.smallest, sizePages);
        for (const pgno of overlay.pages.keys()) if (pgno > sizePages) overlay.pages.delete(pgno);
      },
      sizePages,
    );
  }

  completeRecord(): void {
    if (this.#overlay === undefined) {
      this.#enter("completeRecord", "(empty)");
      return;
    }
    this.#writing("completeRecord", (overlay) => {
      if (overlay.mark !== undefined) throw new Error("a second mark in one transaction");
      const first = overlay.pages.get(1);
      if (first !== undefined) {
        const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
        const raw = view.getUint16(16);
        const pageSize = raw === 1 ? 65536 : raw;
        if (pageSize !== this.pageSize) throw new Error(`the page size of a database can't be changed to ${pageSize}`);
        overlay.mark = view.getUint32(24) === view.getUint32(92) ? view.getUint32(28) : overlay.size;
      } else overlay.mark = overlay.size;
    });
  }

  sync(durable: boolean): void {
    if (this.#overlay === undefined) this.#enter("sync", durable);
    else this.#writing("sync", () => {}, durable);
  }

  publish(): void {
    this.#enter("publish");
    const overlay = this.#overlay;
    if (overlay === undefined || overlay.doomed || overlay.mark === undefined) return;
    const commit = overlay.mark;
    for (const pgno of [...this.#pages.keys()]) if (pgno > Math.min(overlay.smallest, commit)) this.#pages.delete(pgno);
    for (const [pgno, page] of overlay.pages) if (pgno <= commit) this.#pages.set(pgno, page);
    this.#size = commit;
    this.#overlay = undefined;
    this.onPublish?.();
  }

  lock(level: LockLevel): void {
    this.#enter("lock", level);
  }

  unlock(level: LockLevel): void {
    this.#enter("unlock", level);
    this.#overlay = undefined;
  }

  pragma(name: string, value: string | undefined): string | undefined {
    this.#enter("pragma", name, value);
    return this.onPragma(name, value);
  }

  close(): void {
    this.closed = true;
    this.#enter("close");
  }
}
