import type { SeededRandom } from "@headwater/core/testing";

export interface WorkloadOptions {
  /** VACUUM and incremental_vacuum, which make the database smaller. */
  readonly shrinks: boolean;
}

/** SQL that does everything that moves pages about. The same seed gives the same statements, and each has one outcome. */
export class Workload {
  readonly #random: SeededRandom;
  readonly #options: WorkloadOptions;
  readonly #tables: string[] = [];
  readonly #indexes = new Set<string>();
  #named = 0;

  constructor(random: SeededRandom, options: WorkloadOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** One transaction, committed or rolled back, or one statement that commits by itself. Ends outside of a transaction. */
  transaction(): string[] {
    if (this.#tables.length === 0) return [this.#createTable(), this.#insert()];
    const random = this.#random;
    if (random.chance(0.15)) return [random.chance(0.5) ? this.#createTable() : this.#index()];
    if (this.#options.shrinks && random.chance(0.1)) return ["vacuum"];
    if (random.chance(0.3)) return [this.#change()];
    const statements = ["begin"];
    for (let i = 1 + random.below(4); i > 0; i -= 1) {
      if (random.chance(0.15)) statements.push("savepoint s", this.#change(), this.#change(), "rollback to s", "release s");
      else statements.push(this.#change());
    }
    return [...statements, random.chance(0.2) ? "rollback" : "commit"];
  }

  #createTable(): string {
    const name = `t${this.#named++}`;
    this.#tables.push(name);
    return `create table ${name}(id integer primary key, a text, b blob)`;
  }

  #index(): string {
    const table = this.#table();
    const name = `i_${table}`;
    if (this.#indexes.delete(name)) return `drop index ${name}`;
    this.#indexes.add(name);
    return `create index ${name} on ${table}(a)`;
  }

  #table(): string {
    return this.#tables[this.#random.below(this.#tables.length)] as string;
  }

  /** A statement that changes rows. */
  #change(): string {
    const random = this.#random;
    const table = this.#table();
    const from = random.below(400);
    switch (random.below(7)) {
      case 0:
        return `update ${table} set a = a || 'x' where id % ${1 + random.below(20)} = 0`;
      case 1:
        return `update ${table} set b = ${this.#text("id", random.below(9000))} where id = ${from}`;
      case 2:
        return `delete from ${table} where id between ${from} and ${from + random.below(200)}`;
      case 3:
        return random.chance(0.3) ? `delete from ${table}` : `delete from ${table} where id % 3 = 1`;
      default:
        return this.#insert(table);
    }
  }

  /** Rows of any size, from some bytes to hundreds of pages. */
  #insert(table: string = this.#table()): string {
    const random = this.#random;
    const count = 1 + random.below(random.chance(0.2) ? 500 : 60);
    const bytes = random.chance(0.1) ? random.below(150_000 / count) : random.below(400);
    const rows = `with recursive n(n) as (select 1 union all select n + 1 from n where n < ${count})`;
    return `insert into ${table}(a, b) ${rows} select ${this.#text("n", random.below(60))}, ${this.#text("n", bytes)} from n`;
  }

  /** Text of that length that depends on a number and does not compress to nothing. */
  #text(of: string, length: number): string {
    const salt = 1 + this.#random.below(1_000_000);
    const block = `printf('%016x%016x', ${of} * 2654435761 + ${salt}, ${of} * 40503 + ${salt})`;
    return `substr(replace(hex(zeroblob(${Math.ceil(length / 64)})), '00', ${block} || ${block}), 1, ${length})`;
  }
}
