import { HeadwaterError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { dumpOf, openPlain, type Plain, RandomSql, resultName } from "@headwater/vfs/testing";
import { describe, expect, it } from "vitest";
import { type Database, open } from "../src/index.js";
import { restoreLevelZero } from "./support/restore.js";
import { type Scratch, scratch } from "./support/scratch.js";

const seed = testSeed("model");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const STATEMENTS = 50;

/** A Headwater database and plain SQLite in memory that run the same statements. */
class Run {
  readonly db: Database;
  readonly model: Plain;
  readonly where: Scratch;
  readonly log: string[] = [];
  syncs = 0;
  #committed: unknown;

  constructor(db: Database, model: Plain, where: Scratch) {
    this.db = db;
    this.model = model;
    this.where = where;
    this.#committed = dumpOf((sql) => model.rows(sql));
  }

  get context(): string {
    return `after:\n${this.log.slice(-25).join(";\n")}`;
  }

  async step(sql: string): Promise<void> {
    this.log.push(sql);
    const expected = this.model.run(sql);
    const actual = await this.db.exec(sql).then(
      () => "",
      (error: unknown) => (HeadwaterError.is(error) ? error.code : String(error)),
    );
    expect(actual, this.context).toBe(expected === 0 ? "" : resultName(expected));
    if (!this.model.inTransaction) this.#committed = dumpOf((s) => this.model.rows(s));
  }

  /** After a sync the replica is the model's last commit: nothing of an open transaction, nothing missing. */
  async syncAndCompare(): Promise<void> {
    const txid = await this.db.sync();
    this.syncs += 1;
    const restored = restoreLevelZero(this.where.replicaDir);
    expect(restored.txid.toString(16).padStart(16, "0"), this.context).toBe(txid);
    const plain = await openPlain(restored.bytes);
    try {
      expect(plain.rows("pragma integrity_check"), this.context).toEqual([["ok"]]);
      expect(
        dumpOf((sql) => plain.rows(sql)),
        this.context,
      ).toEqual(this.#committed);
    } finally {
      plain.close();
    }
  }
}

describe("random SQL, the replica compared with plain SQLite after every sync", () => {
  for (const pageSize of [512, 4096, 65536]) {
    for (const hydration of [false, true]) {
      it(`pages of ${pageSize} bytes${hydration ? ", hydrated" : ""}`, async () => {
        for (let history = 0; history < Math.ceil(rounds); history += 1) {
          const random = new SeededRandom(seed + pageSize + history * 7919 + Number(hydration));
          const where = scratch();
          const db = await open(
            where.url,
            where.writer({ pageSize, hydration, cache: { maxBytes: random.pick([0, 20_000, 10_000_000]) } }),
          );
          const model = await openPlain();
          model.run(`pragma page_size=${pageSize}; pragma foreign_keys=on; pragma temp_store=file`);
          const run = new Run(db, model, where);
          const sql = new RandomSql(random, pageSize);
          await run.step(sql.setUp());
          for (let n = 0; n < STATEMENTS; n += 1) {
            if (random.chance(0.15)) await db.exec(sql.setting()).catch(() => undefined); // not all may change within a transaction
            await run.step(sql.next());
            if (random.chance(0.25)) await run.syncAndCompare();
          }
          if (model.inTransaction) await run.step("rollback");
          await run.syncAndCompare();
          expect(run.syncs).toBeGreaterThan(3);
          await db.close();
          model.close();
        }
      });
    }
  }
});
