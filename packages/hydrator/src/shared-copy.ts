/// <reference lib="es2024.sharedmemory" />

/** Words of {@link SharedCopy.state}, an Int32Array. Only the I/O thread writes them, {@link COPY_USABLE} excepted. */
export const STATE_APPLIED = 0;
export const STATE_FLAGS = 1;
export const STATE_PAGES = 2;
export const STATE_PAGE_COUNT = 3;
const STATE_WORDS = 4;

/** The file may be read. Cleared for good by whoever finds that it is not what was written. */
export const COPY_USABLE = 1;
/** Every page within commit is there, and what was read whole was verified. */
export const COPY_COMPLETE = 2;
/** Filling it ended with an error. Pages whose bit is set can be read all the same. */
export const COPY_FAILED = 4;

/** Enough for the 2^32-2 pages that SQLite allows. Address space only: memory is taken as the bitmap grows. */
const BITMAP_BYTES_MAX = 2 ** 29;
const BITMAP_STEP_BYTES = 4096;

/**
 * What the I/O thread and the SQLite threads share of one local copy. Plain data that can be posted to a worker.
 *
 * The order that keeps it right: a page is written to the file before its bit is set, and a bit is cleared before its
 * page may be overwritten with another content.
 */
export interface SharedCopy {
  /** Int32Array: the number of the applied view, flags, pages whose bit is set, database size in pages. */
  readonly state: SharedArrayBuffer;
  /** One bit a page, in 32-bit words, growable. Bit `(pgno - 1) & 31` of word `(pgno - 1) >>> 5`. */
  readonly bitmap: SharedArrayBuffer;
  readonly path: string;
  /** Bytes. */
  readonly pageSize: number;
}

/** Fresh shared memory of a copy with room for `pages` pages, none of them there. */
export function allocateShared(path: string, pageSize: number, pages: number): SharedCopy {
  const state = new SharedArrayBuffer(STATE_WORDS * 4);
  const bitmap = new SharedArrayBuffer(bitmapBytes(pages), { maxByteLength: BITMAP_BYTES_MAX });
  return { state, bitmap, path, pageSize };
}

/** The least size of the bitmap for `pages` pages, in bytes, in steps that make growing rare. */
export function bitmapBytes(pages: number): number {
  const steps = Math.max(1, Math.ceil(pages / (BITMAP_STEP_BYTES * 8)));
  return Math.min(BITMAP_BYTES_MAX, steps * BITMAP_STEP_BYTES);
}
