/** Lock levels as SQLite's xLock and xUnlock name them. */
export type LockLevel = 0 | 1 | 2 | 3 | 4; // NONE, SHARED, RESERVED, PENDING, EXCLUSIVE

/**
 * What the sqlite-wasm adapter needs of one open main database. All of it is synchronous, called on the SQLite thread
 * only, and may throw a `HeadwaterError`, which the adapter turns into a result code and keeps as the cause.
 * The rules behind the write calls are in the design's "Committing".
 */
export interface DatabaseFile {
  /** Bytes; fixed for the life of the database. */
  readonly pageSize: number;
  /** False in read mode, when fenced, and while writing is switched off: xLock(RESERVED) then answers READONLY. */
  readonly writable: boolean;
  /** Why `writable` is false, for the error of a statement that tries to write. Default: a `READ_ONLY`. */
  refusal?(): Error | undefined;
  /** Current size in pages, as the open transaction sees it. */
  sizePages(): number;
  /** Fills `into` with the bytes of page `pgno` from `offsetInPage`; `into` never reaches past the page. */
  readPage(pgno: number, into: Uint8Array, offsetInPage: number): void;
  /** xWrite of one whole page. `data` is only valid during the call. */
  writePage(pgno: number, data: Uint8Array): void;
  /** xTruncate, in pages. */
  truncate(sizePages: number): void;
  /** FCNTL_SYNC: completes the transaction's record. */
  completeRecord(): void;
  /** xSync of the main file. `durable`: the journal was synced twice (synchronous FULL or EXTRA). */
  sync(durable: boolean): void;
  /** FCNTL_COMMIT_PHASETWO: publishes. Never throws. */
  publish(): void;
  /** xLock, already granted. From NONE to SHARED a read connection may adopt a newer view. */
  lock(level: LockLevel): void;
  /** xUnlock to SHARED or NONE. Never throws. */
  unlock(level: LockLevel): void;
  /** A pragma of ours, name in lower case. `undefined`: not ours. A thrown error's message becomes SQLite's. */
  pragma(name: string, value: string | undefined): string | undefined;
  close(): void;
}
