import type { SeededRandom } from "@headwater/core/testing";

/** So many batches of growing, then so many of shrinking, about. */
const SEASON_BATCHES = 30;
const TABLES = ["t0", "t1"] as const;

export interface Layout {
  readonly pageSize: number;
  readonly autoVacuum: 0 | 1 | 2;
}

/** Batches of SQL that let a database grow and shrink, in turn. Whatever SQLite runs them on, the outcome is the same. */
export class Batches {
  readonly #random: SeededRandom;
  readonly #layout: Layout;
  #made = 0;

  constructor(random: SeededRandom, layout: Layout) {
    this.#random = random;
    this.#layout = layout;
  }

  /** What a new database starts with. */
  setUp(): string {
    const { pageSize, autoVacuum } = this.#layout;
    const tables = TABLES.map((t) => `create table ${t} (a integer primary key, b text, c blob); create index i_${t} on ${t}(b)`);
    return `pragma page_size = ${pageSize}; pragma auto_vacuum = ${autoVacuum}; begin; create table meta (batch integer); insert into meta values (0); ${tables.join("; ")}; commit`;
  }

  /** The next batch. Afterwards `meta` holds its number. */
  next(): string {
    this.#made += 1;
    const random = this.#random;
    if (random.chance(0.02)) return `vacuum; update meta set batch = ${this.#made}`;
    const growing = Math.floor(this.#made / SEASON_BATCHES) % 2 === 0;
    const count = 1 + random.below(4);
    const statements = Array.from({ length: count }, () => (random.chance(growing ? 0.75 : 0.2) ? this.#insert() : this.#remove(growing)));
    // One page at a time: sqlite-wasm's own exec() steps a statement without columns once, however many pages it is to free.
    const free =
      this.#layout.autoVacuum === 2 && random.chance(0.3) ? Array(1 + random.below(20)).fill("pragma incremental_vacuum(1)") : [];
    return ["begin", ...statements, ...free, `update meta set batch = ${this.#made}`, "commit"].join("; ");
  }

  #insert(): string {
    const random = this.#random;
    const from = random.below(2000);
    const rows = 1 + random.below(12);
    const text = random.nextU32().toString(36);
    const bytes = random.chance(0.2) ? random.below(12_000) : random.below(300);
    return (
      `with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${from + rows - 1}) ` +
      `insert or replace into ${random.pick(TABLES)} select i, '${text}' || i, zeroblob(${bytes}) from n`
    );
  }

  #remove(growing: boolean): string {
    const random = this.#random;
    const table = random.pick(TABLES);
    if (random.chance(0.3))
      return `update ${table} set b = b || 'x', c = zeroblob(${random.below(2000)}) where a % 50 = ${random.below(50)}`;
    if (!growing && random.chance(0.05)) return `delete from ${table}`;
    const from = random.below(2000);
    return `delete from ${table} where a between ${from} and ${from + random.below(growing ? 20 : 400)}`;
  }
}
