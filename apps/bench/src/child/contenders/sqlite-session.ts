import type BetterSqlite3 from "better-sqlite3";
import type { Session, SyncSession } from "../session.js";

export function sqliteSession(db: BetterSqlite3.Database): Session {
  const statements = new Map<string, BetterSqlite3.Statement>();
  const prepare = (sql: string): BetterSqlite3.Statement => {
    const found = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, found);
    return found;
  };
  return {
    get: (sql, params = []) => prepare(sql).get(...params),
    run: (sql, params = []) => prepare(sql).run(...params),
    close: () => {
      db.close();
    },
  };
}

export function syncSession(db: BetterSqlite3.Database, hydrated: SyncSession["hydrated"] = () => {}): SyncSession {
  return {
    prepare: (sql) => {
      const statement = db.prepare(sql);
      return { get: (...params) => statement.get(...params), run: (...params) => statement.run(...params) };
    },
    exec: (sql) => db.exec(sql),
    hydrated,
    close: () => {
      db.close();
    },
  };
}
