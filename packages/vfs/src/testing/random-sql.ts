import type { SeededRandom } from "@headwater/core/testing";

const TABLES = ["t0", "t1", "t2"] as const;
const SAVEPOINTS = ["s0", "s1"] as const;

/** SQL of every kind, by chance: schema changes, bulk and single writes, conflicts, transactions, vacuums. */
export class RandomSql {
  readonly #random: SeededRandom;
  readonly #pageSize: number;

  constructor(random: SeededRandom, pageSize: number) {
    this.#random = random;
    this.#pageSize = pageSize;
  }

  /** What a new database starts with. */
  setUp(): string {
    const vacuum = this.#random.pick(["", "pragma auto_vacuum=1;", "pragma auto_vacuum=2;"] as const);
    return `${vacuum} create table t0(a integer primary key, b text, c blob, unique(b)); create index i0 on t0(c)`;
  }

  /** One statement. It may well fail: both sides must then fail alike. */
  next(): string {
    const pick = this.#random.below(100);
    if (pick < 26) return this.#insert();
    if (pick < 40) return this.#update();
    if (pick < 52) return this.#delete();
    if (pick < 74) return this.#transaction();
    if (pick < 84) return this.#schema();
    if (pick < 92) return this.#upkeep();
    return this.#temporary();
  }

  #table(): string {
    return this.#random.pick(TABLES);
  }

  /** Mostly small, at times of many pages, so that it overflows. */
  #bytes(): number {
    const pages = this.#random.chance(0.2) ? this.#random.below(this.#pageSize > 8192 ? 2 : 6) : 0;
    return pages * this.#pageSize + this.#random.below(Math.min(400, this.#pageSize));
  }

  #conflict(): string {
    return this.#random.pick(["", "", "or ignore", "or replace", "or abort", "or fail", "or rollback"] as const);
  }

  #insert(): string {
    const rows = this.#random.chance(0.3) ? 1 + this.#random.below(60) : 1;
    const start = this.#random.below(400);
    const value = `substr(replace(hex(zeroblob(${this.#bytes() + 8})), '0', i), 1, ${this.#bytes() + 4})`;
    return (
      `with recursive n(i) as (select ${start} union all select i + 1 from n where i < ${start + rows - 1}) ` +
      `insert ${this.#conflict()} into ${this.#table()}(a, b, c) select i, ${value} || (i * 7 % 13), zeroblob(${this.#bytes()}) from n`
    );
  }

  #update(): string {
    const low = this.#random.below(400);
    const set = this.#random.pick([
      `c = zeroblob(${this.#bytes()})`,
      "b = b || 'x'",
      `b = 'same'`,
      `a = a + ${this.#random.below(9)}`,
      `c = null, b = a`,
    ] as const);
    return `update ${this.#conflict()} ${this.#table()} set ${set} where a between ${low} and ${low + this.#random.below(200)}`;
  }

  #delete(): string {
    if (this.#random.chance(0.15)) return `delete from ${this.#table()}`;
    return `delete from ${this.#table()} where a % ${2 + this.#random.below(5)} = ${this.#random.below(3)}`;
  }

  #transaction(): string {
    const savepoint = this.#random.pick(SAVEPOINTS);
    return this.#random.pick([
      "begin",
      "begin",
      "begin immediate",
      "commit",
      "commit",
      "commit",
      "rollback",
      `savepoint ${savepoint}`,
      `savepoint ${savepoint}`,
      `release ${savepoint}`,
      `rollback to ${savepoint}`,
    ] as const);
  }

  #schema(): string {
    const table = this.#table();
    const n = this.#random.below(3);
    return this.#random.pick([
      `create table ${table}(a integer primary key, b text, c blob, unique(b))`,
      `create table ${table}(a int, b text not null, c blob, primary key(a, b)) without rowid`,
      `create table ${table}(a int check(a < 380), b, c)`,
      `create index x${n} on ${table}(b, a)`,
      `create unique index x${n} on ${table}(a, c)`,
      `drop index x${n}`,
      `drop table ${table}`,
      `alter table ${table} add column d default 'd'`,
      `create trigger g${n} after insert on ${table} begin delete from ${this.#table()} where a = new.a + 1; end`,
      `drop trigger g${n}`,
      "create view v as select * from t0",
    ] as const);
  }

  #upkeep(): string {
    return this.#random.pick([
      "vacuum",
      "vacuum",
      `pragma incremental_vacuum(${1 + this.#random.below(5)})`,
      "pragma incremental_vacuum",
      `pragma auto_vacuum=${this.#random.below(3)}`,
      `pragma user_version=${this.#random.below(1000)}`,
      "analyze",
      "reindex",
    ] as const);
  }

  #temporary(): string {
    return this.#random.pick([
      "create temp table if not exists m as select * from t0",
      "insert into temp.m select a + 1000, b, c from t0",
      "delete from temp.m where a % 2",
      `insert ${this.#conflict()} into t0(a, b) select a, b from temp.m`,
      "drop table temp.m",
      "select * from t0 order by c, b desc",
    ] as const);
  }

  /** Settings that change how much is written when, and nothing of what. For the side under test only. */
  setting(): string {
    return this.#random.pick([
      "pragma cache_size=1",
      "pragma cache_size=5",
      "pragma cache_size=20",
      "pragma cache_size=-2000",
      "pragma cache_spill=1",
      "pragma cache_spill=off",
      "pragma synchronous=off",
      "pragma synchronous=normal",
      "pragma synchronous=full",
      "pragma synchronous=extra",
    ] as const);
  }
}
