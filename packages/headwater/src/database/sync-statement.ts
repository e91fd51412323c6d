import type { Session, Statement } from "@headwater/vfs";
import type { Params, Row, RunResult, SqlValue } from "../types.js";
import type { SyncDatabase } from "./sync-database.js";

/** Parameters as better-sqlite3 takes them: one by one, as one array, or as one object of names. */
export type SyncParams = readonly SqlValue[] | readonly [Params];

/** A prepared statement in the shape of better-sqlite3's. */
export class SyncStatement<T = Row> {
  readonly database: SyncDatabase;
  readonly #statement: Statement;
  readonly #session: Session;

  /** @internal Made by `database.prepare()`. */
  constructor(database: SyncDatabase, statement: Statement, session: Session) {
    this.database = database;
    this.#statement = statement;
    this.#session = session;
  }

  /** The SQL that it was prepared from. */
  get source(): string {
    return this.#statement.source;
  }

  /** True if it returns rows. */
  get reader(): boolean {
    return this.#statement.reader;
  }

  /** True if it can't change the database. */
  get readonly(): boolean {
    return this.#statement.readonly;
  }

  run(...params: SyncParams): RunResult {
    const { changes, lastInsertRowid } = this.#answer(() => this.#statement.run(bound(params)));
    return { changes, lastInsertRowid, commit: this.#session.sequence };
  }

  get(...params: SyncParams): T | undefined {
    return this.#answer(() => this.#statement.get(bound(params))) as T | undefined;
  }

  all(...params: SyncParams): T[] {
    return this.#answer(() => this.#statement.all(bound(params))) as T[];
  }

  #answer<R>(work: () => R): R {
    try {
      return this.database.confirming(work);
    } finally {
      this.#session.answered();
    }
  }

  iterate(...params: SyncParams): IterableIterator<T> {
    return this.database.confirmingRows(() => this.#statement.iterate(bound(params)) as IterableIterator<T>);
  }
}

function bound(params: SyncParams): Params {
  const [first] = params;
  const isList = params.length !== 1 || first === null || typeof first !== "object" || first instanceof Uint8Array;
  return isList ? (params as readonly SqlValue[]) : (first as Params);
}
