import type { Target } from "./protocol.js";

type Value = number | string;
type Maybe<T> = T | Promise<T>;

/** What the programs need of an open database. Contenders that work synchronously answer so. */
export interface Session {
  get(sql: string, params?: readonly Value[]): Maybe<unknown>;
  run(sql: string, params?: readonly Value[]): Maybe<unknown>;
  close(): Maybe<void>;
}

/** The same without a promise a call, for loops in which a promise would be most of what is measured. */
export interface SyncSession {
  prepare(sql: string): SyncStatement;
  exec(sql: string): unknown;
  /** Waits until the whole database is local. */
  hydrated(): Maybe<void>;
  /** A hydration that can be started by hand. */
  readonly background?: { start(): void; done(): boolean };
  close(): void;
}

export interface SyncStatement {
  get(...params: readonly Value[]): unknown;
  run(...params: readonly Value[]): unknown;
}

export interface OpenOptions {
  readonly write?: boolean;
  /** Fills a local copy; `"later"`: when the session is told to. */
  readonly hydrate?: boolean | "later";
  readonly syncIntervalMs?: number | undefined;
}

/** Loads what it needs when it is made: what comes before the call to `open` counts for the process's start alone. */
export interface Contender {
  open(target: Target, options: OpenOptions): Maybe<Session>;
  openSync?(target: Target, options: OpenOptions): Maybe<SyncSession>;
}
