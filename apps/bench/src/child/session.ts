import type { Target } from "./protocol.js";

type Value = number | string;
type Maybe<T> = T | Promise<T>;

/** What the programs need of an open database. Contenders that work synchronously answer so. */
export interface Session {
  get(sql: string, params?: readonly Value[]): Maybe<unknown>;
  run(sql: string, params?: readonly Value[]): Maybe<unknown>;
  close(): Maybe<void>;
}

export interface OpenOptions {
  readonly write?: boolean;
}

/** Loads what it needs when it is made: what comes before the call to `open` counts for the process's start alone. */
export interface Contender {
  open(target: Target, options: OpenOptions): Maybe<Session>;
}
