import type { LocalCopy } from "./local-copy.js";

/** Pages that follow each other are written with one call of at most so many bytes. */
export const STAGING_BYTES: number = 1024 * 1024;

/**
 * Gathers pages in a buffer and writes those that follow each other at once. Nothing is in the file, and no bit set,
 * before {@link flush}; whatever decides that a page is to be written must still hold then, so callers flush before they
 * let anything else run.
 */
export class PageWriter {
  readonly #copy: LocalCopy;
  readonly #buffer: Uint8Array;
  readonly #capacity: number;
  #first = 0;
  #count = 0;

  constructor(copy: LocalCopy) {
    this.#copy = copy;
    this.#capacity = Math.max(1, Math.floor(STAGING_BYTES / copy.pageSize));
    this.#buffer = new Uint8Array(this.#capacity * copy.pageSize);
  }

  /** Where the page is to be put, all of it; {@link commit} makes it part of the next write. */
  slot(pgno: number): Uint8Array {
    if (this.#count === this.#capacity || (this.#count > 0 && pgno !== this.#first + this.#count)) this.flush();
    const { pageSize } = this.#copy;
    return this.#buffer.subarray(this.#count * pageSize, (this.#count + 1) * pageSize);
  }

  commit(pgno: number): void {
    if (this.#count === 0) this.#first = pgno;
    this.#count += 1;
  }

  /** @throws the system's error; the bits of the pages are clear then. */
  flush(): void {
    const count = this.#count;
    this.#count = 0;
    if (count > 0) this.#copy.writeRun(this.#first, this.#buffer.subarray(0, count * this.#copy.pageSize));
  }

  /** Forgets what was not written. */
  drop(): void {
    this.#count = 0;
  }
}
