/** SQLite's numbers that the adapter uses, under SQLite's names (sqlite3.h). */

export const SQLITE_OK = 0;
export const SQLITE_ERROR = 1;
export const SQLITE_ABORT = 4;
export const SQLITE_BUSY = 5;
export const SQLITE_READONLY = 8;
export const SQLITE_INTERRUPT = 9;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_NOTFOUND = 12;
export const SQLITE_FULL = 13;
export const SQLITE_CANTOPEN = 14;
export const SQLITE_SCHEMA = 17;
export const SQLITE_AUTH = 23;
export const SQLITE_NOTADB = 26;
export const SQLITE_ROW = 100;
export const SQLITE_DONE = 101;

export const SQLITE_IOERR_READ: number = 10 | (1 << 8);
export const SQLITE_IOERR_SHORT_READ: number = 10 | (2 << 8);
export const SQLITE_IOERR_WRITE: number = 10 | (3 << 8);
export const SQLITE_IOERR_FSYNC: number = 10 | (4 << 8);
export const SQLITE_IOERR_TRUNCATE: number = 10 | (6 << 8);
export const SQLITE_IOERR_FSTAT: number = 10 | (7 << 8);
export const SQLITE_IOERR_UNLOCK: number = 10 | (8 << 8);
export const SQLITE_IOERR_DELETE: number = 10 | (10 << 8);
export const SQLITE_IOERR_ACCESS: number = 10 | (13 << 8);
export const SQLITE_IOERR_CHECKRESERVEDLOCK: number = 10 | (14 << 8);
export const SQLITE_IOERR_LOCK: number = 10 | (15 << 8);
export const SQLITE_IOERR_CLOSE: number = 10 | (16 << 8);
export const SQLITE_IOERR_DATA: number = 10 | (32 << 8);

export const SQLITE_INTEGER = 1;
export const SQLITE_FLOAT = 2;
export const SQLITE_TEXT = 3;
export const SQLITE_BLOB = 4;
export const SQLITE_NULL = 5;

export const SQLITE_OPEN_READONLY = 0x1;
export const SQLITE_OPEN_READWRITE = 0x2;
export const SQLITE_OPEN_CREATE = 0x4;
export const SQLITE_OPEN_DELETEONCLOSE = 0x8;
export const SQLITE_OPEN_EXCLUSIVE = 0x10;
export const SQLITE_OPEN_MAIN_DB = 0x100;
export const SQLITE_OPEN_MAIN_JOURNAL = 0x800;
export const SQLITE_OPEN_SUPER_JOURNAL = 0x4000;
export const SQLITE_OPEN_WAL = 0x80000;

export const SQLITE_FCNTL_PRAGMA = 14;
export const SQLITE_FCNTL_SYNC = 21;
export const SQLITE_FCNTL_COMMIT_PHASETWO = 22;

export const SQLITE_IOCAP_POWERSAFE_OVERWRITE = 0x1000;
export const SQLITE_IOCAP_SUBPAGE_READ = 0x8000;

export const SQLITE_DENY = 1;
/** Authorizer actions. */
export const SQLITE_ACTION_PRAGMA = 19;
export const SQLITE_ACTION_ATTACH = 24;
export const SQLITE_ACTION_DETACH = 25;

export const SQLITE_PREPARE_PERSISTENT = 1;
export const SQLITE_STMTSTATUS_REPREPARE = 5;
/** Destructor argument of sqlite3_bind_text and _blob: SQLite copies before the call returns. */
export const SQLITE_TRANSIENT: number = -1;

/** Lock levels of xLock and xUnlock. */
export const LOCK_NONE = 0;
export const LOCK_SHARED = 1;
export const LOCK_RESERVED = 2;
