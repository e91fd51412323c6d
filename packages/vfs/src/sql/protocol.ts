import type { MessagePort } from "node:worker_threads";
import type { WireError } from "@headwater/core";
import type { DatabaseConfig } from "../config.js";
import type { SqliteModule } from "../sqlite/module.js";

export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlParams = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;
export type SqlRow = Record<string, SqlValue>;

export interface SqlRunResult {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
  /** Number of the newest local commit. */
  readonly commit: number;
}

/** What the SQLite worker does for the caller. */
export interface SqlOperations {
  run: { readonly args: { readonly sql: string; readonly params?: SqlParams }; readonly reply: SqlRunResult };
  get: { readonly args: { readonly sql: string; readonly params?: SqlParams }; readonly reply: SqlRow | undefined };
  all: { readonly args: { readonly sql: string; readonly params?: SqlParams }; readonly reply: SqlRow[] };
  exec: { readonly args: { readonly sql: string }; readonly reply: undefined };
  pragma: { readonly args: { readonly source: string }; readonly reply: SqlRow[] };
  /** Starts a cursor; the reply has its first rows. */
  iterate: { readonly args: { readonly sql: string; readonly params?: SqlParams }; readonly reply: CursorBatch };
  next: { readonly args: { readonly cursor: number }; readonly reply: CursorBatch };
  endCursor: { readonly args: { readonly cursor: number }; readonly reply: undefined };
  /** Adopts an own sync, so that the buffer shrinks while nothing calls SQLite. */
  poke: { readonly args: undefined; readonly reply: undefined };
  close: { readonly args: undefined; readonly reply: undefined };
}
export type SqlOperation = keyof SqlOperations;

export interface CursorBatch {
  readonly cursor: number;
  readonly rows: SqlRow[];
  /** True when no further rows follow; the cursor has ended then. */
  readonly done: boolean;
}

export type ToSql = { readonly id: number; readonly op: SqlOperation; readonly args: unknown };
export type FromSql =
  | { readonly opened: SharedArrayBuffer }
  | { readonly openFailed: WireError }
  // `committed`: the call committed, and this is the newest commit's number. A statement that fails may have committed too.
  | { readonly id: number; readonly value: unknown; readonly committed?: number }
  | { readonly id: number; readonly error: WireError; readonly committed?: number };

/** The first message to the SQLite worker. */
export interface SqliteModuleReady {
  readonly module: SqliteModule;
}

/** `workerData` of the SQLite worker. */
export interface SqlWorkerData {
  readonly channel: MessagePort;
  readonly signal: SharedArrayBuffer;
  /** For a commit log in memory. */
  readonly files?: MessagePort;
  readonly config: DatabaseConfig;
}
