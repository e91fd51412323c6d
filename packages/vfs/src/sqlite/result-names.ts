import type { ErrorCode } from "@headwater/core";

type SqliteCode = Extract<ErrorCode, `SQLITE_${string}`>;

const PRIMARY: Readonly<Record<number, string>> = {
  0: "OK",
  1: "ERROR",
  2: "INTERNAL",
  3: "PERM",
  4: "ABORT",
  5: "BUSY",
  6: "LOCKED",
  7: "NOMEM",
  8: "READONLY",
  9: "INTERRUPT",
  10: "IOERR",
  11: "CORRUPT",
  12: "NOTFOUND",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  16: "EMPTY",
  17: "SCHEMA",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  21: "MISUSE",
  22: "NOLFS",
  23: "AUTH",
  24: "FORMAT",
  25: "RANGE",
  26: "NOTADB",
  27: "NOTICE",
  28: "WARNING",
  100: "ROW",
  101: "DONE",
};

/** Extended result codes: for each primary code, the names of its extensions in order from 1 ("-" where there is none). */
const EXTENDED: Readonly<Record<number, string>> = {
  1: "MISSING_COLLSEQ RETRY SNAPSHOT",
  4: "- ROLLBACK",
  5: "RECOVERY SNAPSHOT TIMEOUT",
  6: "SHAREDCACHE VTAB",
  8: "RECOVERY CANTLOCK ROLLBACK DBMOVED CANTINIT DIRECTORY",
  10:
    "READ SHORT_READ WRITE FSYNC DIR_FSYNC TRUNCATE FSTAT UNLOCK RDLOCK DELETE BLOCKED NOMEM ACCESS CHECKRESERVEDLOCK " +
    "LOCK CLOSE DIR_CLOSE SHMOPEN SHMSIZE SHMLOCK SHMMAP SEEK DELETE_NOENT MMAP GETTEMPPATH CONVPATH VNODE AUTH " +
    "BEGIN_ATOMIC COMMIT_ATOMIC ROLLBACK_ATOMIC DATA CORRUPTFS",
  11: "VTAB SEQUENCE INDEX",
  14: "NOTEMPDIR ISDIR FULLPATH CONVPATH DIRTYWAL SYMLINK",
  19: "CHECK COMMITHOOK FOREIGNKEY FUNCTION NOTNULL PRIMARYKEY TRIGGER UNIQUE VTAB ROWID PINNED DATATYPE",
  23: "USER",
  27: "RECOVER_WAL RECOVER_ROLLBACK",
  28: "AUTOINDEX",
};

function buildNames(): Map<number, SqliteCode> {
  const names = new Map<number, SqliteCode>();
  for (const [code, name] of Object.entries(PRIMARY)) names.set(Number(code), `SQLITE_${name}`);
  for (const [code, list] of Object.entries(EXTENDED)) {
    const primary = Number(code);
    list.split(" ").forEach((name, i) => {
      if (name !== "-") names.set(primary | ((i + 1) << 8), `SQLITE_${PRIMARY[primary]}_${name}`);
    });
  }
  return names;
}

const NAMES: ReadonlyMap<number, SqliteCode> = buildNames();
const CODES: ReadonlyMap<string, number> = new Map([...NAMES].map(([code, name]) => [name, code]));

/** The name of a result code, extended where it is one; of a code that is not known, its primary code's. */
export function resultName(code: number): SqliteCode {
  return NAMES.get(code) ?? NAMES.get(code & 0xff) ?? `SQLITE_UNKNOWN_${code}`;
}

/** The inverse of {@link resultName}. */
export function resultCodeOf(name: string): number | undefined {
  return CODES.get(name);
}
