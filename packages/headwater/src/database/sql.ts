import { unlessAborted } from "@headwater/core";
import type { SqlThread } from "@headwater/vfs";
import type { Params, Row, RunResult } from "../types.js";
import type { OnCommit } from "./confirming.js";

export type Call = { readonly signal?: AbortSignal };

/** What one may do with SQL, on a database and inside of a transaction alike. */
export interface Sql {
  run(sql: string, params?: Params, options?: Call): Promise<RunResult>;
  get<T = Row>(sql: string, params?: Params, options?: Call): Promise<T | undefined>;
  all<T = Row>(sql: string, params?: Params, options?: Call): Promise<T[]>;
  iterate<T = Row>(sql: string, params?: Params, options?: Call): AsyncIterableIterator<T>;
  exec(sql: string): Promise<void>;
  transaction<T>(fn: (tx: Sql) => Promise<T>, options?: Call & { readonly mode?: "deferred" | "immediate" | "exclusive" }): Promise<T>;
}

/** Statements sent to the SQLite thread as they are: no queue, no waiting for a transaction. */
export class DirectSql {
  readonly #thread: SqlThread;
  readonly #onCommit: OnCommit | undefined;

  constructor(thread: SqlThread, onCommit?: OnCommit) {
    this.#thread = thread;
    this.#onCommit = onCommit;
  }

  run(sql: string, params?: Params, options?: Call): Promise<RunResult> {
    return unlessAborted(this.#thread.call("run", params === undefined ? { sql } : { sql, params }, this.#onCommit), options?.signal);
  }

  get<T>(sql: string, params?: Params, options?: Call): Promise<T | undefined> {
    const row = this.#thread.call("get", params === undefined ? { sql } : { sql, params }, this.#onCommit);
    return unlessAborted(row, options?.signal) as Promise<T | undefined>;
  }

  all<T>(sql: string, params?: Params, options?: Call): Promise<T[]> {
    const rows = this.#thread.call("all", params === undefined ? { sql } : { sql, params }, this.#onCommit);
    return unlessAborted(rows, options?.signal) as Promise<T[]>;
  }

  async exec(sql: string): Promise<void> {
    await this.#thread.call("exec", { sql }, this.#onCommit);
  }

  pragma(source: string): Promise<Row[]> {
    return this.#thread.call("pragma", { source }, this.#onCommit);
  }

  /** Rows in batches: only what was asked for is read. */
  async *iterate<T>(sql: string, params?: Params, options?: Call): AsyncIterableIterator<T> {
    const first = this.#thread.call("iterate", params === undefined ? { sql } : { sql, params }, this.#onCommit);
    let batch = await unlessAborted(first, options?.signal);
    const { cursor } = batch;
    try {
      for (;;) {
        yield* batch.rows as T[];
        if (batch.done) return;
        batch = await unlessAborted(this.#thread.call("next", { cursor }, this.#onCommit), options?.signal);
      }
    } finally {
      if (!batch.done) await this.#thread.call("endCursor", { cursor }, this.#onCommit);
    }
  }
}
