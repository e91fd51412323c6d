import { type Database, type Options, open } from "headwater";
import type { Value } from "../../src/sql-process.js";
import type { Queryable } from "./content.js";

/** A Headwater database with the same surface as the other programs here. */
export class Headwater implements Queryable {
  readonly db: Database;

  private constructor(db: Database) {
    this.db = db;
  }

  static async open(url: string, options: Options): Promise<Headwater> {
    return new Headwater(await open(url, options));
  }

  async query(sql: string): Promise<Value[][]> {
    return (await this.db.all(sql)).map((row) => Object.values(row) as Value[]);
  }

  async run(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) await this.db.exec(sql);
  }

  close(): Promise<void> {
    return this.db.close();
  }
}
