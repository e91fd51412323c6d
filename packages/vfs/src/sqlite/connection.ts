import { type HeadwaterError, OptionError, OptionRangeError } from "@headwater/core";
import { SQLITE_DONE, SQLITE_OK, SQLITE_PREPARE_PERSISTENT, SQLITE_ROW } from "./constants.js";
import type { Heap } from "./heap.js";
import { type AttachRules, Session, type SessionParts } from "./session.js";
import { checkSql, holdsNoStatement, isOwnPragma, quoteName } from "./sql-text.js";
import { Statement } from "./statement.js";
import type { Ptr } from "./wasm.js";

/** How `SqliteRuntime.open` opens. */
export interface ConnectionOptions {
  /** SQLite itself refuses to write (SQLITE_READONLY), for the life of the connection. */
  readonly readonly: boolean;
  /** Bytes. Must be the database file's. */
  readonly pageSize: number;
  /** How long a lock that is answered with BUSY is tried again. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** SQLite's own page cache, per schema. Default 16 MiB: with less, large transactions write their pages many times over. */
  readonly cacheBytes?: number;
  /** Databases that SQL may ATTACH by name. Default: none but ':memory:' and ''. */
  readonly attach?: AttachRules;
}

const BUSY_TIMEOUT_MS = 5000;

/**
 * One SQLite connection. Synchronous, and of one thread. Foreign keys are enforced from the start, as in better-sqlite3.
 *
 * Errors: SQLite's own are `SqliteError` with the extended code. Where the database file (the store, the buffer) made
 * SQLite fail, its error is thrown instead, with the SqliteError as `cause`. A wrong argument is a TypeError or
 * RangeError with code `BAD_OPTION`. After a failed statement the connection goes on.
 */
export class Connection {
  readonly #session: Session;
  readonly #heap: Heap;
  readonly #options: ConnectionOptions;
  readonly #progressCallback: Ptr;
  /** Living statements by address, not as objects, so that one that the caller forgot can be collected. */
  readonly #statements = new Set<Ptr>();
  readonly #forgotten = new FinalizationRegistry<Ptr>((stmt) => this.#finalize(stmt));
  /** Schemas that have their settings. */
  readonly #setUp = new Set<string>();

  /** @internal Made by `SqliteRuntime.open`. The file is closed when this throws. */
  constructor(parts: SessionParts, options: ConnectionOptions) {
    const { pageSize, busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
    if (parts.file.pageSize !== pageSize) {
      const actual = parts.file.pageSize;
      parts.file.close();
      throw new OptionError("BAD_OPTION", `pageSize is not the database's pageSize=${pageSize} database=${actual}`);
    }
    this.#session = new Session(parts);
    this.#heap = parts.heap;
    this.#options = options;
    this.#progressCallback = parts.callbacks.progress;
    this.#heap.exports.sqlite3_busy_timeout(this.#session.db, busyTimeoutMs);
    // None of these reads the database. The size of 0 takes back what VACUUM would otherwise give to every schema.
    this.#execute(`PRAGMA page_size=${pageSize}; PRAGMA page_size=0; PRAGMA temp_store=FILE; PRAGMA foreign_keys=ON`, false);
    this.#session.authorizeAll();
  }

  get open(): boolean {
    return this.#session.open;
  }

  /** True between BEGIN (or a savepoint) and the end of that transaction. */
  get inTransaction(): boolean {
    return this.#session.open && this.#heap.exports.sqlite3_get_autocommit(this.#session.db) === 0;
  }

  /** Rows that the last INSERT, UPDATE or DELETE changed. */
  get changes(): number {
    return this.#heap.exports.sqlite3_changes(this.#session.db);
  }

  /** Rows changed since the connection was opened. */
  get totalChanges(): number {
    return this.#heap.exports.sqlite3_total_changes(this.#session.db);
  }

  /** A number where it is exact, else (beyond 2^53) a bigint. */
  get lastInsertRowid(): number | bigint {
    const rowid = this.#heap.exports.sqlite3_last_insert_rowid(this.#session.db);
    const number = Number(rowid);
    return Number.isSafeInteger(number) ? number : rowid;
  }

  /** The last error that a call of the database file threw, if any. */
  lastCause(): HeadwaterError | undefined {
    return this.#session.lastCause;
  }

  /**
   * Compiles one statement. It is finalized when the connection closes, when {@link Statement.finalize} is called, or
   * after it was garbage-collected.
   *
   * @throws {OptionRangeError} `BAD_OPTION` where the text holds none, or more than one
   */
  prepare(sql: string): Statement {
    checkSql(sql);
    const session = this.#session;
    session.pragmaAnswered = false;
    const stmt = this.#compile(sql);
    const recompile = (old: Ptr): Ptr => {
      const next = this.#compile(sql);
      this.#finalize(old, statement);
      this.#forgotten.register(statement, next, statement);
      return next;
    };
    const statement = new Statement(session, stmt, sql, {
      recompile: session.pragmaAnswered ? recompile : undefined,
      finalize: (ptr) => this.#finalize(ptr, statement),
    });
    this.#forgotten.register(statement, stmt, statement);
    return statement;
  }

  #compile(sql: string): Ptr {
    const { db, out } = this.#session;
    if (!isOwnPragma(sql)) this.#setUpSchemas();
    this.#session.enter();
    const x = this.#heap.exports;
    const rest = this.#heap.withText(sql, (text, bytes) => {
      const code = x.sqlite3_prepare_v3(db, text, bytes + 1, SQLITE_PREPARE_PERSISTENT, out, out + 4);
      if (code !== SQLITE_OK) throw this.#session.failure(code);
      const tail = this.#heap.getI32(out + 4);
      return this.#heap.text(tail, text + bytes - tail);
    });
    const stmt = this.#heap.getI32(out);
    if (stmt === 0) throw new OptionRangeError("the SQL text holds no statement");
    if (rest !== "" && !holdsNoStatement(rest)) {
      x.sqlite3_finalize(stmt);
      throw new OptionRangeError("the SQL text holds more than one statement; use exec() for many");
    }
    this.#statements.add(stmt);
    return stmt;
  }

  /** Runs all statements of `sql`, each to its end; rows are dropped. Stops at the first that fails. */
  exec(sql: string): void {
    checkSql(sql);
    this.#execute(sql, !isOwnPragma(sql));
  }

  #execute(sql: string, setUp: boolean): void {
    const x = this.#heap.exports;
    const { db, out } = this.#session;
    const text = this.#heap.permanentCString(sql);
    try {
      const end = this.#heap.u8().indexOf(0, text);
      for (let at = text; at < end; ) {
        if (setUp) this.#setUpSchemas();
        this.#session.enter();
        const code = x.sqlite3_prepare_v3(db, at, end - at + 1, 0, out, out + 4);
        if (code !== SQLITE_OK) throw this.#session.failure(code);
        const stmt = this.#heap.getI32(out);
        at = this.#heap.getI32(out + 4);
        if (stmt !== 0) this.#runToEnd(stmt);
      }
    } finally {
      x.free(text);
    }
  }

  #runToEnd(stmt: Ptr, onRow?: () => void): void {
    const x = this.#heap.exports;
    let code = x.sqlite3_step(stmt);
    for (; code === SQLITE_ROW; code = x.sqlite3_step(stmt)) onRow?.();
    // The message must be taken before finalizing, which only returns the same failure again.
    const failure = code === SQLITE_DONE ? undefined : this.#session.failure(code);
    x.sqlite3_finalize(stmt);
    if (failure !== undefined) throw failure;
    this.#session.succeeded();
  }

  /**
   * Gives main, and what was attached since, their settings: synchronous=NORMAL, where SQLite's default is FULL (design,
   * "Committing", 3), and the cache size. They need the schema, so they come with the first statement rather than with
   * opening, and where a transaction is open they wait: until then a commit is more durable than it has to be.
   */
  #setUpSchemas(): void {
    if (!this.#session.schemasChanged || this.inTransaction) return;
    const { readonly, cacheBytes } = this.#options;
    const names = this.#schemaNames();
    for (const name of this.#setUp) if (!names.includes(name)) this.#setUp.delete(name);
    for (const name of names) {
      if (this.#setUp.has(name)) continue;
      const schema = quoteName(name);
      if (!readonly || name !== "main") this.#execute(`PRAGMA ${schema}.synchronous=NORMAL`, false);
      if (cacheBytes !== undefined) this.#execute(`PRAGMA ${schema}.cache_size=${-Math.ceil(cacheBytes / 1024)}`, false);
      this.#setUp.add(name);
    }
    this.#session.schemasChanged = false;
  }

  #schemaNames(): string[] {
    const x = this.#heap.exports;
    const { db, out } = this.#session;
    const names: string[] = [];
    this.#session.enter();
    const code = this.#heap.withText("PRAGMA database_list", (text) => x.sqlite3_prepare_v3(db, text, -1, 0, out, 0));
    if (code !== SQLITE_OK) throw this.#session.failure(code);
    const stmt = this.#heap.getI32(out);
    this.#runToEnd(stmt, () => names.push(this.#heap.cString(x.sqlite3_column_text(stmt, 1))));
    return names.filter((name) => name !== "temp");
  }

  /** Makes running statements fail with SQLITE_INTERRUPT. From inside a callback only: another thread can't reach it. */
  interrupt(): void {
    this.#heap.exports.sqlite3_interrupt(this.#session.db);
  }

  /**
   * Asks `shouldInterrupt` about every `everyOps` virtual machine operations of a running statement, which fails with
   * SQLITE_INTERRUPT once it says true: how another thread stops a statement, by a flag in shared memory. `undefined`
   * takes that back.
   */
  onProgress(everyOps: number, shouldInterrupt: (() => boolean) | undefined): void {
    this.#session.shouldInterrupt = shouldInterrupt;
    const callback = shouldInterrupt === undefined ? 0 : this.#progressCallback;
    this.#heap.exports.sqlite3_progress_handler(this.#session.db, everyOps, callback, this.#session.id);
  }

  /** Rolls an open transaction back, finalizes all statements and closes the database file. Closing again does nothing. */
  close(): void {
    if (!this.#session.open) return;
    for (const stmt of this.#statements) this.#finalize(stmt);
    this.#session.close();
  }

  #finalize(stmt: Ptr, statement?: Statement): void {
    if (statement !== undefined) this.#forgotten.unregister(statement);
    if (!this.#statements.delete(stmt)) return;
    this.#session.enter();
    this.#heap.exports.sqlite3_finalize(stmt);
  }
}
