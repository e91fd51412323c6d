import { HeadwaterError, OptionError } from "@headwater/core";
import { SQLITE_DONE, SQLITE_OK, SQLITE_ROW, SQLITE_STMTSTATUS_REPREPARE } from "./constants.js";
import type { Heap } from "./heap.js";
import { type BindParams, type ParameterLayout, parameterLayout, type SqlValue, spreadParameters } from "./parameters.js";
import type { Session } from "./session.js";
import { bindValue, columnValue } from "./values.js";
import type { Ptr } from "./wasm.js";

/** One result column. `column`, `table`, `database` and `type` are null for an expression. */
export interface ColumnInfo {
  readonly name: string;
  readonly column: string | null;
  readonly table: string | null;
  readonly database: string | null;
  /** The declared type. */
  readonly type: string | null;
}

/** Shape of a row: by name (the last of equal names wins), in order, only the first column, or by table and name. */
export type RowMode = "object" | "array" | "pluck" | "expand";
export type ObjectRow = Record<string, SqlValue>;
export type RowValue = SqlValue | SqlValue[] | ObjectRow | Record<string, ObjectRow>;
/** What a statement that was run to its end did. */
export interface RunOutcome {
  readonly changes: number;
  /** A bigint with {@link Statement.safeIntegers}. */
  readonly lastInsertRowid: number | bigint;
}

/** What a statement needs of the connection that keeps it. */
export interface StatementOwner {
  finalize(stmt: Ptr): void;
  /** Given where each run needs a statement compiled anew: frees the old one and returns another. */
  readonly recompile: ((stmt: Ptr) => Ptr) | undefined;
}

/** Bound values from this size on are let go of after the run. */
const LARGE_BYTES = 4096;
/** `expand` puts columns that come from no table under this name. */
const NO_TABLE = "$";

/** A compiled statement of one connection, whose errors it throws. Made by `Connection.prepare`. */
export class Statement {
  readonly source: string;
  /** It returns rows. */
  readonly reader: boolean;
  /** It changes no database (BEGIN does not count as a change). */
  readonly readonly: boolean;
  /** How get, all, iterate and row shape rows. Default "object". */
  mode: RowMode = "object";
  /** All integers as bigint. Default false: as numbers, rounded beyond 2^53. */
  safeIntegers = false;
  readonly #session: Session;
  readonly #owner: StatementOwner;
  readonly #heap: Heap;
  #stmt: Ptr;
  #layout: ParameterLayout | undefined;
  #names: string[] | undefined;
  #hasOddName = false;
  #reprepares = 0;
  /** The session's count of calls when it was compiled. */
  readonly #compiledAt: number;
  /** Stepped since the last reset. */
  #active = false;
  #iterating = false;
  #boundLarge = false;

  /** @internal */
  constructor(session: Session, stmt: Ptr, source: string, owner: StatementOwner) {
    const { heap } = session;
    this.#session = session;
    this.#owner = owner;
    this.#compiledAt = session.calls;
    this.#heap = heap;
    this.#stmt = stmt;
    this.source = source;
    this.reader = heap.exports.sqlite3_column_count(stmt) > 0;
    this.readonly = heap.exports.sqlite3_stmt_readonly(stmt) !== 0;
  }

  /** Its result columns, as the schema is now. */
  get columns(): ColumnInfo[] {
    const stmt = this.#living();
    const x = this.#heap.exports;
    const text = (ptr: Ptr): string | null => this.#heap.cStringOr(ptr) ?? null;
    return Array.from({ length: x.sqlite3_column_count(stmt) }, (_, i) => ({
      name: this.#heap.cString(x.sqlite3_column_name(stmt, i)),
      column: text(x.sqlite3_column_origin_name(stmt, i)),
      table: text(x.sqlite3_column_table_name(stmt, i)),
      database: text(x.sqlite3_column_database_name(stmt, i)),
      type: text(x.sqlite3_column_decltype(stmt, i)),
    }));
  }

  /** The SQL text with the bound values in it. */
  get expandedSql(): string {
    const x = this.#heap.exports;
    const ptr = x.sqlite3_expanded_sql(this.#living());
    const text = this.#heap.cString(ptr);
    x.sqlite3_free(ptr);
    return text;
  }

  /** Binds all parameters anew, from an array or an object of names. Resets the statement where it is running. */
  bind(params: BindParams): void {
    this.bindArguments([params]);
  }

  /** As {@link bind}, from better-sqlite3's variable arguments: values, arrays of values, and one object of names. */
  bindArguments(args: readonly unknown[]): void {
    const stmt = this.#living();
    if (this.#iterating) throw busy();
    if (this.#active) this.reset();
    this.#layout ??= this.#readLayout(stmt);
    if (!this.#bindInOrder(this.#layout, args)) spreadParameters(this.#layout, args, this.#bindOne);
  }

  /** The common case: plain values, or one array of them, for as many bare `?`. False where it is another. */
  #bindInOrder(layout: ParameterLayout, args: readonly unknown[]): boolean {
    const values: readonly unknown[] = args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
    if (layout.named.length > 0 || values.length !== layout.positional.length) return false;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) return false;
      this.#bindOne(i + 1, value);
    }
    return true;
  }

  readonly #bindOne = (index: number, value: unknown): void => {
    const code = bindValue(this.#heap, this.#stmt, index, value);
    if (code !== SQLITE_OK) throw this.#session.failure(code);
    const size = typeof value === "string" ? value.length : ArrayBuffer.isView(value) ? value.byteLength : 0;
    if (size >= LARGE_BYTES) this.#boundLarge = true;
  };

  #readLayout(stmt: Ptr): ParameterLayout {
    const x = this.#heap.exports;
    const names: (string | undefined)[] = [];
    for (let i = 1, n = x.sqlite3_bind_parameter_count(stmt); i <= n; i += 1) {
      names.push(this.#heap.cStringOr(x.sqlite3_bind_parameter_name(stmt, i)));
    }
    return parameterLayout(names);
  }

  /** True on a row, false at the end. After an error it is reset. */
  step(): boolean {
    let stmt = this.#living();
    const x = this.#heap.exports;
    const first = !this.#active;
    // A pragma that the database file answers is answered while it is compiled: what it said then is old by now, unless
    // nothing has happened since.
    if (first && this.#owner.recompile !== undefined && this.#session.calls !== this.#compiledAt) {
      stmt = this.#owner.recompile(stmt);
      this.#stmt = stmt;
    }
    this.#session.enter();
    this.#active = true;
    const code = x.sqlite3_step(stmt);
    if (code !== SQLITE_ROW && code !== SQLITE_DONE) {
      const failure = this.#session.failure(code);
      this.reset();
      throw failure;
    }
    this.#session.succeeded();
    if (code === SQLITE_DONE) return false;
    if (first) this.#checkColumns(stmt);
    return true;
  }

  /** SQLite compiles a statement again where the schema has changed, and `select *` then has other columns. */
  #checkColumns(stmt: Ptr): void {
    const reprepares = this.#heap.exports.sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (this.#names !== undefined && reprepares === this.#reprepares) return;
    this.#reprepares = reprepares;
    const x = this.#heap.exports;
    const count = x.sqlite3_column_count(stmt);
    this.#names = Array.from({ length: count }, (_, i) => this.#heap.cString(x.sqlite3_column_name(stmt, i)));
    this.#hasOddName = this.#names.includes("__proto__");
  }

  /** The current row, after {@link step} said true. */
  row(mode: RowMode = this.mode, safeIntegers: boolean = this.safeIntegers): RowValue {
    const stmt = this.#living();
    const names = this.#names ?? [];
    const heap = this.#heap;
    if (mode === "pluck") return columnValue(heap, stmt, 0, safeIntegers);
    if (mode === "array") {
      const row: SqlValue[] = new Array(names.length);
      for (let i = 0; i < names.length; i += 1) row[i] = columnValue(heap, stmt, i, safeIntegers);
      return row;
    }
    if (mode === "expand") return this.#expanded(stmt, names, safeIntegers);
    const row: ObjectRow = {};
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      const value = columnValue(heap, stmt, i, safeIntegers);
      if (this.#hasOddName) define(row, name, value);
      else row[name] = value;
    }
    return row;
  }

  #expanded(stmt: Ptr, names: readonly string[], safeIntegers: boolean): Record<string, ObjectRow> {
    const out: Record<string, ObjectRow> = {};
    names.forEach((name, i) => {
      const table = this.#heap.cStringOr(this.#heap.exports.sqlite3_column_table_name(stmt, i)) ?? NO_TABLE;
      if (!Object.hasOwn(out, table)) define(out, table, {});
      define(out[table] as ObjectRow, name, columnValue(this.#heap, stmt, i, safeIntegers));
    });
    return out;
  }

  /** Back to the start; ends the transaction that it kept open, if any. Bound values stay. */
  reset(): void {
    this.#active = false;
    if (this.#stmt === 0 || !this.#session.open) return;
    this.#session.enter();
    const x = this.#heap.exports;
    // What it returns is the failure of the last step, which has been thrown.
    x.sqlite3_reset(this.#stmt);
    if (!this.#boundLarge) return;
    this.#boundLarge = false;
    x.sqlite3_clear_bindings(this.#stmt);
  }

  /** Frees it. Doing so again does nothing. */
  finalize(): void {
    const stmt = this.#stmt;
    this.#stmt = 0;
    if (stmt !== 0) this.#owner.finalize(stmt);
  }

  /** Runs to the end. Rows, if any, are dropped. */
  run(...args: unknown[]): RunOutcome {
    this.bindArguments(args);
    const x = this.#heap.exports;
    const { db } = this.#session;
    const before = x.sqlite3_total_changes(db);
    try {
      while (this.step());
    } finally {
      this.reset();
    }
    const changes = x.sqlite3_total_changes(db) === before ? 0 : x.sqlite3_changes(db);
    const rowid = x.sqlite3_last_insert_rowid(db);
    return { changes, lastInsertRowid: this.safeIntegers ? rowid : Number(rowid) };
  }

  /** The first row, or `undefined`. */
  get(...args: unknown[]): RowValue | undefined {
    this.bindArguments(args);
    try {
      return this.step() ? this.row() : undefined;
    } finally {
      this.reset();
    }
  }

  all(...args: unknown[]): RowValue[] {
    this.bindArguments(args);
    const rows: RowValue[] = [];
    try {
      while (this.step()) rows.push(this.row());
    } finally {
      this.reset();
    }
    return rows;
  }

  /** Rows one by one. Until it has ended or was left, the statement can't be used otherwise. */
  iterate(...args: unknown[]): IterableIterator<RowValue> {
    this.bindArguments(args);
    return this.#rows(args);
  }

  *#rows(args: readonly unknown[]): IterableIterator<RowValue> {
    // Again, since it may have been used between making the iterator and its first row.
    this.bindArguments(args);
    this.#iterating = true;
    try {
      while (this.step()) yield this.row();
    } finally {
      this.#iterating = false;
      this.reset();
    }
  }

  #living(): Ptr {
    if (this.#stmt === 0 || !this.#session.open) {
      throw new HeadwaterError("CLOSED", "the statement is finalized, or its connection closed; prepare it again");
    }
    return this.#stmt;
  }
}

function busy(): OptionError {
  return new OptionError("BAD_OPTION", "the statement is busy: an iterator over its rows has not ended");
}

/** Sets a property whatever its name is: assigning to `__proto__` would not. */
function define<T>(target: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}
