import type { Connection, Statement } from "../sqlite/index.js";

/** Prepared statements by their text; the one that was not used for longest goes first. */
const STATEMENTS_MAX = 100;

export class StatementCache {
  readonly #connection: Connection;
  readonly #statements = new Map<string, Statement>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Runs `work` on the prepared statement of `sql`. It is reset by whoever ran it. */
  use<T>(sql: string, work: (statement: Statement) => T): T {
    const cached = this.#statements.get(sql);
    const statement = cached ?? this.#connection.prepare(sql);
    if (cached !== undefined) this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > STATEMENTS_MAX) this.#dropOldest();
    return work(statement);
  }

  clear(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
  }

  #dropOldest(): void {
    const [oldest] = this.#statements;
    if (oldest === undefined) return;
    this.#statements.delete(oldest[0]);
    oldest[1].finalize();
  }
}
