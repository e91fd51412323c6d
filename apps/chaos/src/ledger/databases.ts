import type { Database } from "headwater";
import type { SyncDatabase } from "headwater/sync";
import type { LedgerDatabase } from "./ledger.js";

const ROLL_BACK = new Error("rolled back on purpose");

/** A ledger's database behind `open()`. */
export function asyncLedger(db: Database): LedgerDatabase {
  return {
    all: (sql, params) => db.all(sql, params),
    exec: (sql) => db.exec(sql),
    transact: (statements, end) =>
      unlessRolledBack(() =>
        db.transaction(async (tx) => {
          for (const [sql, params] of statements) await tx.run(sql, params);
          if (end === "rollback") throw ROLL_BACK;
        }),
      ),
  };
}

/** A ledger's database behind `openSync()`. */
export function syncLedger(db: SyncDatabase): LedgerDatabase {
  return {
    all: async (sql, params = []) => db.prepare(sql).all(params),
    async exec(sql) {
      db.exec(sql);
    },
    transact: (statements, end) =>
      unlessRolledBack(async () => {
        db.transaction(() => {
          for (const [sql, params = []] of statements) db.prepare(sql).run(params);
          if (end === "rollback") throw ROLL_BACK;
        })();
      }),
  };
}

async function unlessRolledBack(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error !== ROLL_BACK) throw error;
  }
}
