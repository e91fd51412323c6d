import { unlessAborted } from "@headwater/core";
import type { SqlThread } from "@headwater/vfs";
import type { Params, Row, RunResult } from "../types.js";

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

  constructor(thread: SqlThread) {
    this.#thread = thread;
  }

  /** Number of the newest local commit. From shared memory: a statement that failed may have committed too (INSERT OR FAIL). */
  get lastCommit(): number {
    return this.#thread.shared.published.sequence;
  }

  run(sql: string, params?: Params, options?: Call): Promise<RunResult> {
    return unlessAborted(this.#thread.call("run", params === undefined ? { sql } : { sql, params }), options?.signal);
  }

  get<T>(sql: string, params?: Params, options?: Call): Promise<T | undefined> {
    return unlessAborted(this.#thread.call("get", params === undefined ? { sql } : { sql, params }), options?.signal) as Promise<
      T | undefined
    >;
  }

  all<T>(sql: string, params?: Params, options?: Call): Promise<T[]> {
    return unlessAborted(this.#thread.call("all", params === undefined ? { sql } : { sql, params }), options?.signal) as Promise<T[]>;
  }

  async exec(sql: string): Promise<void> {
    await this.#thread.call("exec", { sql });
  }

  pragma(source: string): Promise<Row[]> {
    return this.#thread.call("pragma", { source });
  }

  /** Rows in batches: only what was asked for is read. */
  async *iterate<T>(sql: string, params?: Params, options?: Call): AsyncIterableIterator<T> {
    let batch = await unlessAborted(this.#thread.call("iterate", params === undefined ? { sql } : { sql, params }), options?.signal);
    const { cursor } = batch;
    try {
      for (;;) {
        yield* batch.rows as T[];
        if (batch.done) return;
        batch = await unlessAborted(this.#thread.call("next", { cursor }), options?.signal);
      }
    } finally {
      if (!batch.done) await this.#thread.call("endCursor", { cursor });
    }
  }
}
