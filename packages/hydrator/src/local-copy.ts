import { type FileHandle, type FileSystem, HeadwaterError } from "@headwater/core";
import { Presence } from "./presence.js";
import {
  allocateShared,
  COPY_COMPLETE,
  COPY_FAILED,
  COPY_USABLE,
  type SharedCopy,
  STATE_APPLIED,
  STATE_FLAGS,
  STATE_PAGE_COUNT,
} from "./shared-copy.js";

/** What {@link LocalCopy.create} takes. */
export interface LocalCopyOptions {
  readonly fs: FileSystem;
  /** Must not exist; its folder must. */
  readonly path: string;
  /** Bytes. */
  readonly pageSize: number;
  /** Size of the database at the first view, in pages. */
  readonly pages: number;
  /** Number of the first view. */
  readonly viewId: number;
}

/**
 * The I/O thread's side of a local copy: it owns the file. Every set bit means that the file holds that page as of the
 * view {@link applied}; {@link Hydrator} keeps it so.
 */
export class LocalCopy {
  readonly shared: SharedCopy;
  readonly pageSize: number;
  readonly #fs: FileSystem;
  readonly #file: FileHandle;
  readonly #state: Int32Array;
  readonly #presence: Presence;
  /** No page above it was written since the file last ended there, so those read as zeros. */
  #writtenUpTo = 0;
  #closed = false;

  /**
   * Creates the file. It gets its full size at once, as a hole, so that a short read means damage and nothing else.
   *
   * @throws {HeadwaterError} `HYDRATION_FAILED` where something is at the path already (it is left alone), or where the
   *   file can't be created; the system's error is the cause.
   */
  static create(options: LocalCopyOptions): LocalCopy {
    const { fs, path } = options;
    let file: FileHandle | undefined;
    try {
      file = fs.open(path, "wx+", 0o600);
      return new LocalCopy(options, file);
    } catch (cause) {
      if (file !== undefined) {
        file.close();
        fs.remove(path);
      }
      const exists = (cause as { code?: unknown } | undefined)?.code === "EEXIST";
      const why = exists ? "a file is there already; remove it or choose another path" : "the file can't be created; check the folder";
      throw new HeadwaterError("HYDRATION_FAILED", `could not make a local copy: ${why} path=${path}`, { cause });
    }
  }

  private constructor(options: LocalCopyOptions, file: FileHandle) {
    this.#fs = options.fs;
    this.#file = file;
    this.pageSize = options.pageSize;
    this.shared = allocateShared(options.path, options.pageSize, options.pages);
    this.#state = new Int32Array(this.shared.state);
    this.#presence = new Presence(this.shared);
    file.truncate(options.pages * options.pageSize);
    Atomics.store(this.#state, STATE_PAGE_COUNT, options.pages | 0);
    Atomics.store(this.#state, STATE_APPLIED, options.viewId);
    Atomics.store(this.#state, STATE_FLAGS, COPY_USABLE);
  }

  get path(): string {
    return this.shared.path;
  }

  /** The view that every page whose bit is set belongs to. */
  get applied(): number {
    return Atomics.load(this.#state, STATE_APPLIED);
  }

  /** Size of the database at {@link applied}, in pages. */
  get pageCount(): number {
    return Atomics.load(this.#state, STATE_PAGE_COUNT) >>> 0;
  }

  /** How many pages are there. */
  get pages(): number {
    return this.#presence.count;
  }

  /** False once anyone found the file to be other than what was written. */
  get usable(): boolean {
    return (Atomics.load(this.#state, STATE_FLAGS) & COPY_USABLE) !== 0;
  }

  has(pgno: number): boolean {
    return this.#presence.has(pgno);
  }

  /** Writes one page, then sets its bit. @throws the system's error; the bit is clear then. */
  writePage(pgno: number, data: Uint8Array): void {
    if (data.byteLength !== this.pageSize) throw new RangeError(`not one page: bytes=${data.byteLength} page_size=${this.pageSize}`);
    this.writeRun(pgno, data);
  }

  /** Writes pages that follow each other with one call, then sets their bits. @throws the system's error; their bits are clear then. */
  writeRun(firstPgno: number, data: Uint8Array): void {
    const count = data.byteLength / this.pageSize;
    if (!Number.isInteger(count)) throw new RangeError(`not whole pages: bytes=${data.byteLength} page_size=${this.pageSize}`);
    if (firstPgno < 1 || firstPgno + count - 1 > this.pageCount)
      throw new RangeError(`outside of the database: first=${firstPgno} count=${count} pages=${this.pageCount}`);
    try {
      // First, because a write that fails half-way leaves bytes too.
      this.#writtenUpTo = Math.max(this.#writtenUpTo, firstPgno + count - 1);
      this.#file.write(data, (firstPgno - 1) * this.pageSize);
    } catch (error) {
      for (let i = 0; i < count; i += 1) this.#presence.clear(firstPgno + i);
      throw error;
    }
    for (let i = 0; i < count; i += 1) this.#presence.set(firstPgno + i);
  }

  /** Makes a page that no file holds: it reads as zeros. Writes only where something else may stand. */
  writeZeros(pgno: number): void {
    if (pgno <= this.#writtenUpTo) this.writeRun(pgno, new Uint8Array(this.pageSize));
    else if (pgno <= this.pageCount) this.#presence.set(pgno);
  }

  /** Takes a page's bit away. Readers get it elsewhere. */
  clear(pgno: number): void {
    this.#presence.clear(pgno);
  }

  /**
   * Sets the size of the database. Shrinking clears the bits above and cuts the file, so that growing again can't show
   * old bytes.
   *
   * @throws the system's error; only the file's size is wrong then, and {@link restoreSize} must succeed before the next write.
   */
  resize(pages: number): void {
    if (pages === this.pageCount) return;
    this.#presence.reserve(pages);
    this.#presence.clearAbove(pages);
    Atomics.store(this.#state, STATE_PAGE_COUNT, pages | 0);
    this.restoreSize();
  }

  /** Gives the file the size of the database again, after a disk that failed. @throws the system's error. */
  restoreSize(): void {
    this.#file.truncate(this.pageCount * this.pageSize);
    this.#writtenUpTo = Math.min(this.#writtenUpTo, this.pageCount);
  }

  /** Says which view the set bits belong to from now on. Connections then forget what changed up to it. */
  setApplied(viewId: number): void {
    Atomics.store(this.#state, STATE_APPLIED, viewId);
  }

  /** Says how far filling it came. */
  setOutcome(outcome: "open" | "complete" | "failed"): void {
    Atomics.and(this.#state, STATE_FLAGS, ~(COPY_COMPLETE | COPY_FAILED));
    if (outcome !== "open") Atomics.or(this.#state, STATE_FLAGS, outcome === "complete" ? COPY_COMPLETE : COPY_FAILED);
  }

  /** Nobody reads the file any more, in any thread. */
  abandon(): void {
    Atomics.and(this.#state, STATE_FLAGS, ~COPY_USABLE);
  }

  /** Size of the file in bytes, to check it against the size of the database. */
  fileBytes(): number {
    return this.#file.size();
  }

  /** Idempotent. Readers stop using the file; with `remove` it is deleted too. */
  close({ remove }: { readonly remove: boolean }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.abandon();
    this.#file.close();
    if (remove) this.#fs.remove(this.path);
  }
}
