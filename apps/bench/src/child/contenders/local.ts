import { copyFileSync } from "node:fs";
import path from "node:path";
import Sqlite from "better-sqlite3";
import type { Contender } from "../session.js";
import { sqliteSession, syncSession } from "./sqlite-session.js";

/** better-sqlite3 on a file that is already there: nothing can be faster. */
export const contender: Contender = {
  open: ({ databaseFile = "", dir }, { write = false }) => {
    if (!write) return sqliteSession(new Sqlite(databaseFile, { readonly: true }));
    const copy = path.join(dir, "copy.db");
    copyFileSync(databaseFile, copy);
    return sqliteSession(new Sqlite(copy));
  },
  openSync: ({ databaseFile = "", dir }, { write = false }) => {
    if (!write) return syncSession(new Sqlite(databaseFile, { readonly: true }));
    const copy = path.join(dir, "copy.db");
    copyFileSync(databaseFile, copy);
    const db = new Sqlite(copy);
    // What is usually set where writes must be fast, and no commit may be lost to a crash of the process.
    db.pragma("journal_mode = wal");
    db.pragma("synchronous = normal");
    return syncSession(db);
  },
};
