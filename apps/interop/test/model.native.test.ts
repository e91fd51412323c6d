import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { HeadwaterError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { type Dump, dumpOf, RandomSql } from "@headwater/vfs/testing";
import Native from "better-sqlite3";
import { openSync, type SyncDatabase } from "headwater/sync";
import { describe, expect, it } from "vitest";
import { fileBackend, type Place } from "./support/backends.js";
import { restoreTo } from "./support/restore.js";

const seed = testSeed("native model");
const rounds = Math.ceil(Number(process.env["HEADWATER_ROUNDS"] ?? "1"));
const STATEMENTS = 60;

/** How a statement ended: nothing, or SQLite's name of the error. */
function outcome(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (error) {
    if (HeadwaterError.is(error) || error instanceof Native.SqliteError) return error.code;
    throw error;
  }
}

const nativeRows =
  (db: Native.Database) =>
  (sql: string): unknown[][] => {
    const statement = db.prepare(sql);
    return statement.reader ? (statement.raw().all() as unknown[][]) : [];
  };

/** A Headwater database in this thread and native SQLite, which run the same statements. */
class Run {
  readonly db: SyncDatabase;
  readonly model = new Native(":memory:");
  readonly place: Place;
  readonly dir: string;
  readonly #log: string[] = [];
  #committed: Dump = [];
  syncs = 0;

  constructor(place: Place, pageSize: number, random: SeededRandom) {
    this.place = place;
    this.dir = mkdtempSync(path.join(tmpdir(), "headwater-native-"));
    this.model.pragma(`page_size = ${pageSize}`);
    this.db = openSync(place.url, {
      write: true,
      pageSize,
      syncIntervalMs: 0,
      hydration: random.chance(0.5),
      buffer: { path: path.join(this.dir, "buffer") },
      cache: { maxBytes: random.pick([0, 20_000, 10_000_000]) },
    });
  }

  get context(): string {
    return `seed ${seed}, after:\n${this.#log.slice(-25).join(";\n")}`;
  }

  step(sql: string): void {
    this.#log.push(sql);
    const expected = outcome(() => this.model.exec(sql));
    expect(
      outcome(() => this.db.exec(sql)),
      this.context,
    ).toBe(expected);
    if (!this.model.inTransaction) this.#committed = dumpOf(nativeRows(this.model));
  }

  /** After a sync the replica is the model's last commit, for native SQLite too. */
  async syncAndCompare(): Promise<void> {
    const txid = this.db.sync();
    const file = path.join(this.dir, "restored.db");
    const view = await restoreTo(this.place, file);
    expect(view.txid.toString(16).padStart(16, "0"), this.context).toBe(txid);
    const restored = new Native(file, { readonly: true });
    try {
      expect(restored.pragma("integrity_check", { simple: true }), this.context).toBe("ok");
      expect(dumpOf(nativeRows(restored)), this.context).toEqual(this.#committed);
    } finally {
      restored.close();
    }
    this.syncs += 1;
  }

  close(): void {
    try {
      this.db.close();
      this.model.close();
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

describe("random SQL, the replica compared with native SQLite after every sync", () => {
  it.each([512, 4096, 32_768])("pages of %i bytes", async (pageSize) => {
    for (let history = 0; history < rounds; history += 1) {
      const random = new SeededRandom(seed + pageSize + history * 104_729);
      const place = await fileBackend.create();
      const run = new Run(place, pageSize, random);
      try {
        const sql = new RandomSql(random, pageSize);
        run.step(sql.setUp());
        for (let n = 0; n < STATEMENTS; n += 1) {
          if (random.chance(0.15)) outcome(() => run.db.exec(sql.setting())); // not all may change within a transaction
          run.step(sql.next());
          if (random.chance(0.2)) await run.syncAndCompare();
        }
        if (run.model.inTransaction) run.step("rollback");
        await run.syncAndCompare();
        expect(run.syncs).toBeGreaterThan(3);
      } finally {
        run.close();
        await place.dispose();
      }
    }
  });
});
