import { HeadwaterError } from "@headwater/core";
import type { BlockingClient } from "../channel/blocking-client.js";
import type { DatabaseConfig } from "../config.js";
import type { Statement } from "../sqlite/index.js";
import { finishClosing, type Opening } from "./opening.js";
import { pragmaRows } from "./pragma.js";
import type { CursorBatch, SqlOperation, SqlOperations, SqlParams, SqlRow, SqlRunResult } from "./protocol.js";
import { StatementCache } from "./statement-cache.js";

/** Rows in one message: enough that the message costs little beside them, and few enough to keep memory flat. */
const BATCH_ROWS = 256;

interface Cursor {
  readonly statement: Statement;
  readonly rows: Iterator<SqlRow>;
}

/** Runs the caller's statements on one connection. One at a time; cursors stay open between them. */
export class SqlHost {
  readonly #opening: Opening;
  readonly #client: BlockingClient;
  readonly #config: DatabaseConfig;
  readonly #statements: StatementCache;
  readonly #cursors = new Map<number, Cursor>();
  #nextCursor = 1;

  constructor(opening: Opening, client: BlockingClient, config: DatabaseConfig) {
    this.#opening = opening;
    this.#client = client;
    this.#config = config;
    this.#statements = new StatementCache(opening.connection);
  }

  /** The newest local commit. */
  get sequence(): number {
    return this.#opening.session.sequence;
  }

  perform(op: SqlOperation, args: unknown): unknown {
    const handler = this.#handlers[op] as (args: never) => unknown;
    try {
      return handler(args as never);
    } finally {
      if (op !== "close") this.#opening.session.answered();
    }
  }

  readonly #handlers: { readonly [O in SqlOperation]: (args: SqlOperations[O]["args"]) => SqlOperations[O]["reply"] } = {
    run: ({ sql, params }) => this.#run(sql, params),
    get: ({ sql, params }) => this.#statements.use(sql, (s) => s.get(params ?? []) as SqlRow | undefined),
    all: ({ sql, params }) => this.#statements.use(sql, (s) => s.all(params ?? []) as SqlRow[]),
    exec: ({ sql }) => {
      this.#opening.connection.exec(sql);
      return undefined;
    },
    pragma: ({ source }) => this.#statements.use(`PRAGMA ${source}`, (s) => pragmaRows(source, s)),
    iterate: ({ sql, params }) => this.#iterate(sql, params),
    next: ({ cursor }) => this.#next(cursor),
    endCursor: ({ cursor }) => {
      this.#end(cursor);
      return undefined;
    },
    poke: () => {
      this.#opening.session.poke();
      return undefined;
    },
    close: () => {
      for (const cursor of [...this.#cursors.keys()]) this.#end(cursor);
      this.#statements.clear();
      finishClosing(this.#opening, this.#client, this.#config);
      return undefined;
    },
  };

  #run(sql: string, params: SqlParams | undefined): SqlRunResult {
    const { changes, lastInsertRowid } = this.#statements.use(sql, (s) => s.run(params ?? []));
    return { changes, lastInsertRowid, commit: this.#opening.session.sequence };
  }

  #iterate(sql: string, params: SqlParams | undefined): CursorBatch {
    // A statement of its own: the cached one may be asked for again while this cursor is open.
    const statement = this.#opening.connection.prepare(sql);
    const cursor = this.#nextCursor++;
    try {
      this.#cursors.set(cursor, { statement, rows: statement.iterate(params ?? []) as Iterator<SqlRow> });
    } catch (error) {
      statement.finalize();
      throw error;
    }
    return this.#next(cursor);
  }

  #next(cursor: number): CursorBatch {
    const open = this.#cursors.get(cursor);
    if (open === undefined) throw new HeadwaterError("CLOSED", `the iteration has ended; cursor=${cursor}`);
    const rows: SqlRow[] = [];
    try {
      while (rows.length < BATCH_ROWS) {
        const { done, value } = open.rows.next();
        if (done === true) {
          this.#end(cursor);
          return { cursor, rows, done: true };
        }
        rows.push(value);
      }
    } catch (error) {
      this.#end(cursor);
      throw error;
    }
    return { cursor, rows, done: false };
  }

  #end(cursor: number): void {
    const open = this.#cursors.get(cursor);
    if (open === undefined) return;
    this.#cursors.delete(cursor);
    open.rows.return?.();
    open.statement.finalize();
  }
}
