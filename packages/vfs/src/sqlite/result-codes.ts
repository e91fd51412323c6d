import { type ErrorCode, HeadwaterError } from "@headwater/core";
import {
  SQLITE_BUSY,
  SQLITE_CANTOPEN,
  SQLITE_ERROR,
  SQLITE_FULL,
  SQLITE_INTERRUPT,
  SQLITE_IOERR,
  SQLITE_IOERR_ACCESS,
  SQLITE_IOERR_CHECKRESERVEDLOCK,
  SQLITE_IOERR_CLOSE,
  SQLITE_IOERR_DATA,
  SQLITE_IOERR_DELETE,
  SQLITE_IOERR_FSTAT,
  SQLITE_IOERR_FSYNC,
  SQLITE_IOERR_LOCK,
  SQLITE_IOERR_READ,
  SQLITE_IOERR_TRUNCATE,
  SQLITE_IOERR_UNLOCK,
  SQLITE_IOERR_WRITE,
  SQLITE_READONLY,
} from "./constants.js";
import { resultCodeOf } from "./result-names.js";

/**
 * Which VFS call failed. `record` is FCNTL_SYNC, `reserve` is xLock to RESERVED: there a statement has changed nothing
 * yet, so that READONLY and BUSY are possible. EXCLUSIVE comes in the middle of one, when the cache spills.
 */
export type VfsCall =
  | "open"
  | "close"
  | "read"
  | "write"
  | "truncate"
  | "record"
  | "sync"
  | "size"
  | "lock"
  | "reserve"
  | "unlock"
  | "checkReserved"
  | "control"
  | "pragma"
  | "access"
  | "delete"
  | "name";

/** What each call answers where the error's code has nothing more telling. */
const OWN_CODE: Readonly<Record<VfsCall, number>> = {
  open: SQLITE_CANTOPEN,
  close: SQLITE_IOERR_CLOSE,
  read: SQLITE_IOERR_READ,
  write: SQLITE_IOERR_WRITE,
  truncate: SQLITE_IOERR_TRUNCATE,
  record: SQLITE_IOERR_FSYNC,
  sync: SQLITE_IOERR_FSYNC,
  size: SQLITE_IOERR_FSTAT,
  lock: SQLITE_IOERR_LOCK,
  reserve: SQLITE_IOERR_LOCK,
  unlock: SQLITE_IOERR_UNLOCK,
  checkReserved: SQLITE_IOERR_CHECKRESERVEDLOCK,
  control: SQLITE_IOERR,
  // The only code with which SQLite shows the message that a pragma answered.
  pragma: SQLITE_ERROR,
  access: SQLITE_IOERR_ACCESS,
  delete: SQLITE_IOERR_DELETE,
  name: SQLITE_CANTOPEN,
};

type OwnErrorCode = Exclude<ErrorCode, `SQLITE_${string}`>;
type Row = Partial<Readonly<Record<VfsCall, number>>>;
const BY_CALL: Row = {};
const NO_WRITING: Row = { reserve: SQLITE_READONLY };
// Not IOERR_CORRUPTFS, which SQLite turns into CORRUPT: see toResultCode.
const DAMAGED: Row = { read: SQLITE_IOERR_DATA };

/** One line for each code, so that the compiler demands a decision for a new one. `BY_CALL`: the call's own I/O error. */
const RESULT_CODES: Readonly<Record<OwnErrorCode, Row>> = {
  BAD_URL: BY_CALL,
  BAD_OPTION: BY_CALL,
  NO_REPLICA: BY_CALL,
  READ_ONLY: NO_WRITING,
  STORE_DENIED: BY_CALL,
  STORE_NO_BUCKET: BY_CALL,
  STORE_NOT_FOUND: BY_CALL,
  STORE_PRECONDITION: BY_CALL,
  STORE_CONFLICT: BY_CALL,
  STORE_UNAVAILABLE: BY_CALL,
  STORE_UNSAFE: NO_WRITING,
  LTX_CORRUPT: DAMAGED,
  REPLICA_GAP: DAMAGED,
  REPLICA_FILE_GONE: BY_CALL,
  OUT_OF_RANGE: BY_CALL,
  // xLock may be tried again, so SQLite's own busy handler waits for the lease.
  LEASE_HELD: { reserve: SQLITE_BUSY },
  FENCED: NO_WRITING,
  NOT_DURABLE: BY_CALL,
  BUFFER_UNWRITABLE: BY_CALL,
  CACHE_UNWRITABLE: BY_CALL,
  BUFFER_FULL: { write: SQLITE_FULL, truncate: SQLITE_FULL, record: SQLITE_FULL, sync: SQLITE_FULL },
  BUFFER_FOREIGN: BY_CALL,
  PATH_IN_USE: BY_CALL,
  HYDRATION_FAILED: BY_CALL,
  STALE: BY_CALL,
  TIMEOUT: BY_CALL,
  // As an interrupt, a read that was given up leaves an open transaction as it is.
  ABORTED: { read: SQLITE_INTERRUPT },
  WORKER_DIED: BY_CALL,
  CLOSED: BY_CALL,
};

const WRITING: ReadonlySet<VfsCall> = new Set<VfsCall>(["write", "truncate", "record", "sync"]);
const READING: ReadonlySet<VfsCall> = new Set<VfsCall>(["read", "size", "lock"]);
const FULL_DISK: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * The result code that SQLite gets for an error of ours: the only place where that is decided. Anything that is not a
 * known error (a bug, the system's) is an I/O error of the call, or FULL where a disk is.
 *
 * Calls that write answer FULL or an I/O error only: the pager takes just those as "this transaction is over". On
 * another code it would go on and report a commit that the database file has already given up. Calls that read answer
 * an I/O error or INTERRUPT only: on those SQLite rolls a writing statement's transaction back. On CORRUPT it would
 * not, and leave a tree half rebalanced in its cache for the next commit (a random test found that).
 */
export function toResultCode(error: unknown, call: VfsCall): number {
  const code = codeFor(error, call);
  const primary = code & 0xff;
  if (WRITING.has(call) && primary !== SQLITE_FULL && primary !== SQLITE_IOERR) return OWN_CODE[call];
  if (READING.has(call) && primary !== SQLITE_INTERRUPT && primary !== SQLITE_IOERR) return OWN_CODE[call];
  return code;
}

function codeFor(error: unknown, call: VfsCall): number {
  const name = codeOf(error);
  if (typeof name !== "string") return OWN_CODE[call];
  if (HeadwaterError.is(error)) {
    if (name === "BUFFER_UNWRITABLE" && WRITING.has(call) && FULL_DISK.has(String(codeOf(error.cause)))) return SQLITE_FULL;
    const row: Row | undefined = RESULT_CODES[name as OwnErrorCode];
    return (row === undefined ? resultCodeOf(name) : row[call]) ?? OWN_CODE[call];
  }
  return WRITING.has(call) && FULL_DISK.has(name) ? SQLITE_FULL : OWN_CODE[call];
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null | undefined)?.code;
}
