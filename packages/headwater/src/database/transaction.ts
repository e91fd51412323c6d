import { HeadwaterError } from "@headwater/core";
import type { Params, Row, RunResult } from "../types.js";
import { Mutex } from "./mutex.js";
import type { Call, DirectSql, Sql } from "./sql.js";

/** The statements of one transaction. A transaction inside of it is a savepoint. Useless after its end. */
class TransactionSql implements Sql {
  readonly #sql: DirectSql;
  readonly #depth: number;
  /** Savepoints of one level run one after the other: they can't overlap. */
  readonly #savepoints = new Mutex();
  #ended = false;

  constructor(sql: DirectSql, depth: number) {
    this.#sql = sql;
    this.#depth = depth;
  }

  end(): void {
    this.#ended = true;
  }

  async run(sql: string, params?: Params, options?: Call): Promise<RunResult> {
    return this.#open().run(sql, params, options);
  }

  async get<T = Row>(sql: string, params?: Params, options?: Call): Promise<T | undefined> {
    return this.#open().get<T>(sql, params, options);
  }

  async all<T = Row>(sql: string, params?: Params, options?: Call): Promise<T[]> {
    return this.#open().all<T>(sql, params, options);
  }

  iterate<T = Row>(sql: string, params?: Params, options?: Call): AsyncIterableIterator<T> {
    return this.#open().iterate<T>(sql, params, options);
  }

  async exec(sql: string): Promise<void> {
    return this.#open().exec(sql);
  }

  async transaction<T>(fn: (tx: Sql) => Promise<T>, options?: Call): Promise<T> {
    const release = await this.#savepoints.acquire(options?.signal);
    const name = `headwater_${this.#depth}`;
    try {
      const work = { begin: `SAVEPOINT ${name}`, commit: `RELEASE ${name}`, rollback: `ROLLBACK TO ${name}; RELEASE ${name}` };
      return await runTransaction(this.#open(), work, this.#depth + 1, fn);
    } finally {
      release();
    }
  }

  #open(): DirectSql {
    if (this.#ended)
      throw new HeadwaterError(
        "CLOSED",
        "the transaction has ended; use the database, or await everything inside of the transaction's function",
      );
    return this.#sql;
  }
}

/** The SQL around a transaction's statements. */
export interface TransactionWords {
  readonly begin: string;
  readonly commit: string;
  readonly rollback: string;
}

/** Begins, runs `fn`, and commits; rolls back when it rejects, and rejects with the same error. */
export async function runTransaction<T>(sql: DirectSql, words: TransactionWords, depth: number, fn: (tx: Sql) => Promise<T>): Promise<T> {
  await sql.exec(words.begin);
  const tx = new TransactionSql(sql, depth);
  try {
    const result = await fn(tx);
    tx.end();
    await sql.exec(words.commit);
    return result;
  } catch (error) {
    tx.end();
    // SQLite may have rolled back by itself (a full disk, say): then there is nothing to roll back.
    await sql.exec(words.rollback).catch(() => undefined);
    throw error;
  }
}
