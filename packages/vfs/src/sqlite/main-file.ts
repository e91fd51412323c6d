import { HeadwaterError } from "@headwater/core";
import type { DatabaseFile, LockLevel } from "../database-file.js";
import {
  LOCK_NONE,
  LOCK_RESERVED,
  LOCK_SHARED,
  SQLITE_FCNTL_COMMIT_PHASETWO,
  SQLITE_FCNTL_PRAGMA,
  SQLITE_FCNTL_SYNC,
  SQLITE_IOERR_SHORT_READ,
  SQLITE_NOTFOUND,
  SQLITE_OK,
} from "./constants.js";
import type { Heap } from "./heap.js";
import type { JournalWatcher } from "./private-files.js";
import { toResultCode } from "./result-codes.js";
import type { FailureSink, VfsFile } from "./vfs-file.js";
import type { Ptr } from "./wasm.js";

/** A main database: SQLite's byte offsets turned into the pages of a {@link DatabaseFile}. */
export class MainFile implements VfsFile, JournalWatcher {
  readonly sink: FailureSink;
  readonly #heap: Heap;
  readonly #file: DatabaseFile;
  readonly #pageSize: number;
  #level = LOCK_NONE;
  /** This transaction's journal was synced twice: synchronous is FULL or EXTRA. */
  #durable = false;

  constructor(heap: Heap, file: DatabaseFile, sink: FailureSink) {
    this.#heap = heap;
    this.#file = file;
    this.#pageSize = file.pageSize;
    this.sink = sink;
  }

  read(into: Uint8Array, offset: number): number {
    const pageSize = this.#pageSize;
    const length = into.byteLength;
    const inFile = this.#file.sizePages() * pageSize - offset;
    if (inFile < length) {
      const bytes = Math.max(0, inFile);
      into.fill(0, bytes);
      if (bytes > 0) this.#readPages(into.subarray(0, bytes), offset);
      return SQLITE_IOERR_SHORT_READ;
    }
    const index = Math.floor(offset / pageSize);
    const inPage = offset - index * pageSize;
    if (inPage + length <= pageSize) this.#file.readPage(index + 1, into, inPage);
    else this.#readPages(into, offset);
    return SQLITE_OK;
  }

  /** A read that crosses pages: SQLite makes none today, and nothing promises that. */
  #readPages(into: Uint8Array, offset: number): void {
    const pageSize = this.#pageSize;
    for (let done = 0; done < into.byteLength; ) {
      const index = Math.floor((offset + done) / pageSize);
      const inPage = offset + done - index * pageSize;
      const bytes = Math.min(pageSize - inPage, into.byteLength - done);
      this.#file.readPage(index + 1, into.subarray(done, done + bytes), inPage);
      done += bytes;
    }
  }

  write(data: Uint8Array, offset: number): void {
    const pages = this.#wholePages(offset, "write");
    if (data.byteLength !== this.#pageSize) {
      throw new HeadwaterError("BAD_OPTION", `a write that is not one page bytes=${data.byteLength} pageSize=${this.#pageSize}`);
    }
    this.#file.writePage(pages + 1, data);
  }

  truncate(size: number): void {
    this.#file.truncate(this.#wholePages(size, "truncate"));
  }

  #wholePages(bytes: number, what: string): number {
    const pages = bytes / this.#pageSize;
    if (Number.isInteger(pages)) return pages;
    throw new HeadwaterError("BAD_OPTION", `${what} at an offset that is no page's start offset=${bytes} pageSize=${this.#pageSize}`);
  }

  sync(): void {
    this.#file.sync(this.#durable);
  }

  size(): number {
    return this.#file.sizePages() * this.#pageSize;
  }

  lock(level: number): void {
    if (level <= this.#level) return;
    const refused = level >= LOCK_RESERVED && this.#level < LOCK_RESERVED && !this.#file.writable;
    const reason = refused ? this.#file.refusal?.() : undefined;
    if (reason !== undefined) throw reason;
    // The file may know a better reason than that it is read only: fenced, say.
    this.#file.lock(level as LockLevel);
    if (refused) throw new HeadwaterError("READ_ONLY", "can't write: the database is open for reading only; open it with write: true");
    this.#level = level;
  }

  unlock(level: number): void {
    if (level >= this.#level) return;
    if (level <= LOCK_SHARED) this.#durable = false;
    this.#level = level;
    this.#file.unlock(level as LockLevel);
  }

  reserved(): boolean {
    return this.#level >= LOCK_RESERVED;
  }

  journalOpened(): void {
    this.#durable = false;
  }

  journalSyncedTwice(): void {
    this.#durable = true;
  }

  control(op: number, arg: Ptr): number {
    switch (op) {
      case SQLITE_FCNTL_SYNC:
        this.#file.completeRecord();
        return SQLITE_OK;
      case SQLITE_FCNTL_COMMIT_PHASETWO:
        this.#file.publish();
        return SQLITE_OK;
      case SQLITE_FCNTL_PRAGMA:
        return this.#pragma(arg);
      default:
        return SQLITE_NOTFOUND;
    }
  }

  /** `arg` is a char*[3]: result (out), name, value or NULL. The result is text that SQLite frees. */
  #pragma(arg: Ptr): number {
    const name = this.#heap.cString(this.#heap.getI32(arg + 4)).toLowerCase();
    const value = this.#heap.cStringOr(this.#heap.getI32(arg + 8));
    let code = SQLITE_OK;
    let result: string | undefined;
    try {
      // An exclusive lock would never come back to NONE, where a newer view is adopted and a tail is cut.
      result = name === "locking_mode" ? "normal" : this.#file.pragma(name, value);
    } catch (error) {
      code = toResultCode(error, "pragma");
      this.sink.noteFailure(code, error);
      result = error instanceof Error ? error.message : String(error);
    }
    if (result === undefined) return SQLITE_NOTFOUND;
    this.#heap.setI32(arg, this.#heap.sqliteCString(result));
    this.sink.noteAnswer?.();
    return code;
  }

  close(): void {
    this.unlock(LOCK_NONE);
    this.#file.close();
  }
}
