import { HeadwaterError } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { expect } from "vitest";
import type { Connection, SqliteRuntime } from "../../src/sqlite/index.js";
import { resultName } from "../../src/sqlite/result-names.js";
import { type Dump, dumpOf, openPlain, type Plain, RandomSql } from "../../src/testing.js";
import type { Subject } from "./describe-vfs.js";

/** Rows of the connection under test, as arrays. */
export function rowsOf(db: Connection, sql: string): unknown[][] {
  const statement = db.prepare(sql);
  statement.mode = "array";
  const rows = statement.all() as unknown[][];
  statement.finalize();
  return rows;
}

/** A subject and a plain SQLite in memory that do the same, and are compared. */
export class Differential {
  readonly db: Connection;
  readonly model: Plain;
  readonly subject: Subject;
  /** What was run, for a failure's message. */
  readonly log: string[] = [];
  /** Statements that went through, and the commits that they made. */
  readonly counts = { statements: 0, failures: 0, commits: 0, faults: 0 };
  #committed: Dump = [];
  #published: Uint8Array = new Uint8Array(0);
  #publishedDump: Dump | undefined;
  readonly #random: SeededRandom;
  readonly #sql: RandomSql;

  private constructor(db: Connection, model: Plain, subject: Subject, random: SeededRandom) {
    this.db = db;
    this.model = model;
    this.subject = subject;
    this.#random = random;
    this.#sql = new RandomSql(random, subject.file.pageSize);
  }

  static async start(runtime: SqliteRuntime, subject: Subject, seed: number): Promise<Differential> {
    const { pageSize } = subject.file;
    const model = await openPlain();
    model.run(`pragma page_size=${pageSize}; pragma foreign_keys=on; pragma temp_store=file`);
    const db = runtime.open("subject", subject.file, { readonly: false, pageSize });
    const run = new Differential(db, model, subject, new SeededRandom(seed));
    await run.step(run.#sql.setUp());
    return run;
  }

  /** A random statement on both sides, at times after a setting on the subject's. */
  async next(): Promise<void> {
    if (this.#random.chance(0.15)) this.setting();
    await this.step(this.#sql.next());
  }

  nextSql(): string {
    return this.#sql.next();
  }

  setting(): void {
    const sql = this.#sql.setting();
    this.log.push(sql);
    // Some may not be changed within a transaction; that is as good.
    codeOf(() => this.db.exec(sql));
  }

  async step(sql: string): Promise<void> {
    this.log.push(sql);
    const expected = this.model.run(sql);
    const actual = codeOf(() => this.db.exec(sql));
    expect(actual, this.#context()).toBe(expected === 0 ? "" : resultName(expected));
    this.counts.statements += 1;
    if (expected !== 0) this.counts.failures += 1;
    await this.compare();
  }

  /**
   * A statement during which a call of the subject fails by plan. Where it failed of that, the model does not run it,
   * and follows what SQLite must have done: nothing, or a rollback of the whole transaction.
   *
   * @param disarm - takes the plan back, and says whether the statement's error is the planned one
   */
  async stepWithFault(what: string, sql: string, disarm: (error: unknown) => boolean): Promise<void> {
    this.log.push(`(fault ${what}) ${sql}`);
    const error = thrown(() => this.db.exec(sql));
    if (disarm(error)) {
      this.counts.faults += 1;
      // A RELEASE of the outermost savepoint that fails rolls back, and leaves the savepoint open (SQLite, OP_Savepoint).
      if (sql.startsWith("release") && this.db.inTransaction) this.db.exec("rollback");
      if (this.model.inTransaction && !this.db.inTransaction) this.model.run("rollback");
    } else {
      const expected = this.model.run(sql);
      expect(error === undefined ? "" : codeOfError(error), this.#context()).toBe(expected === 0 ? "" : resultName(expected));
    }
    await this.compare();
  }

  /** Both sides must show the same, and what is published must be the model's last commit, byte for byte a good database. */
  async compare(): Promise<void> {
    const context = this.#context();
    expect(this.db.inTransaction, context).toBe(this.model.inTransaction);
    const now = dumpOf((sql) => this.model.rows(sql));
    expect(
      dumpOf((sql) => rowsOf(this.db, sql)),
      context,
    ).toEqual(now);
    if (!this.model.inTransaction) this.#committed = now;
    const published = this.subject.publishedBytes();
    if (Buffer.compare(published, this.#published) !== 0 || this.#publishedDump === undefined) {
      this.counts.commits += 1;
      this.#published = published;
      this.#publishedDump = await this.#dumpBytes(published, context);
    }
    expect(this.#publishedDump, context).toEqual(this.#committed);
  }

  async #dumpBytes(bytes: Uint8Array, context: string): Promise<Dump> {
    const plain = await openPlain(bytes);
    try {
      expect(plain.rows("pragma integrity_check"), context).toEqual([["ok"]]);
      return dumpOf((sql) => plain.rows(sql));
    } finally {
      plain.close();
    }
  }

  #context(): string {
    return `page size ${this.subject.file.pageSize}, after:\n${this.log.slice(-25).join(";\n")}`;
  }

  close(): void {
    this.db.close();
    this.model.close();
  }
}

/** What `body` threw. */
export function thrown(body: () => void): unknown {
  try {
    body();
    return undefined;
  } catch (error) {
    return error;
  }
}

function codeOfError(error: unknown): string {
  return HeadwaterError.is(error) ? error.code : `not ours: ${String(error)}`;
}

/** The code of what `body` threw, "" for nothing. */
export function codeOf(body: () => void): string {
  const error = thrown(body);
  return error === undefined ? "" : codeOfError(error);
}
