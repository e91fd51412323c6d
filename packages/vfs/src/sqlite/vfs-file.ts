import type { DatabaseFile } from "../database-file.js";
import type { Ptr } from "./wasm.js";

/** Who is told the real cause when a VFS call answers with an error. */
export interface FailureSink {
  /** `code`: the result code that SQLite got for it. Never throws. */
  noteFailure(code: number, error: unknown): void;
  /** A pragma was answered by the database file, which happens while SQLite compiles it. */
  noteAnswer?(): void;
}

/** A connection as the VFS knows it. */
export interface VfsClient extends FailureSink {
  /** xFullPathname: the path under which an attached database is opened; `undefined` keeps the name. */
  fullPath(name: string): string | undefined;
  /** The database of a path that {@link fullPath} made. @throws when it may not be attached */
  openAttached(path: string): DatabaseFile | undefined;
}

/**
 * One open file as the WASM boundary sees it. Sizes and offsets in bytes. Methods throw; the boundary turns that into a
 * result code. Views are valid during the call only.
 */
export interface VfsFile {
  readonly sink: FailureSink | undefined;
  /** Fills `into`; zeroes what lies beyond the end, and returns SQLITE_IOERR_SHORT_READ then, else SQLITE_OK. */
  read(into: Uint8Array, offset: number): number;
  write(data: Uint8Array, offset: number): void;
  truncate(size: number): void;
  sync(): void;
  size(): number;
  lock(level: number): void;
  unlock(level: number): void;
  reserved(): boolean;
  /** Returns a result code, SQLITE_NOTFOUND for what it does not know. `arg` is the control's own pointer. */
  control(op: number, arg: Ptr): number;
  close(): void;
}
