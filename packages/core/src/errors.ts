/** Every code that a Headwater error can carry. The code is API; the message is not. */
export type ErrorCode =
  | "BAD_URL"
  | "BAD_OPTION"
  | "NO_REPLICA"
  | "READ_ONLY"
  | "STORE_DENIED"
  | "STORE_NO_BUCKET"
  | "STORE_NOT_FOUND"
  | "STORE_PRECONDITION"
  | "STORE_CONFLICT"
  | "STORE_UNAVAILABLE"
  | "STORE_UNSAFE"
  | "LTX_CORRUPT"
  | "REPLICA_GAP"
  | "REPLICA_FILE_GONE"
  | "OUT_OF_RANGE"
  | "LEASE_HELD"
  | "FENCED"
  | "NOT_DURABLE"
  | "BUFFER_UNWRITABLE"
  | "CACHE_UNWRITABLE"
  | "BUFFER_FULL"
  | "BUFFER_FOREIGN"
  | "PATH_IN_USE"
  | "HYDRATION_FAILED"
  | "STALE"
  | "TIMEOUT"
  | "ABORTED"
  | "WORKER_DIED"
  | "CLOSED"
  | `SQLITE_${string}`;

/** What {@link HeadwaterError} takes beside its code and message. */
export interface ErrorDetails {
  readonly cause?: unknown;
  /** True if the same call may succeed later with nothing changed by the caller. */
  readonly retryable?: boolean;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["STORE_UNAVAILABLE", "STORE_CONFLICT", "TIMEOUT", "LEASE_HELD", "STALE"]);

/**
 * The one base class of everything that Headwater reports. Decide on `code`, never on the message: it says what was
 * tried on what and what to do, and it holds no credentials and no signed URLs.
 */
export class HeadwaterError extends Error {
  /** Lets {@link HeadwaterError.is} work across duplicate installs, where `instanceof` fails. */
  readonly isHeadwaterError: true = true;
  readonly code: ErrorCode;
  /** True if the same call may succeed later with nothing changed by the caller. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = details.retryable ?? RETRYABLE.has(code);
  }

  static is(value: unknown): value is HeadwaterError {
    return typeof value === "object" && value !== null && "isHeadwaterError" in value;
  }
}

/** SQLite's own failure. `code` is the extended result code's name, as in better-sqlite3 (`SQLITE_CONSTRAINT_UNIQUE`). */
export class SqliteError extends HeadwaterError {}

/** What a {@link FencedError} says about the two sides. TXIDs are 16 hex digits. */
export interface FencedDetails extends ErrorDetails {
  readonly localTxid: string;
  readonly remoteTxid: string;
  readonly owner?: string;
  readonly bufferPath?: string;
}

/**
 * Another writer committed first, and this one may not write any more. Retrying cannot help: close and open again,
 * and take what was not synced out of the buffer at `bufferPath`.
 */
export class FencedError extends HeadwaterError {
  readonly localTxid: string;
  readonly remoteTxid: string;
  declare readonly owner?: string; // declared only, or the field would be there without a value
  declare readonly bufferPath?: string;

  constructor(message: string, details: FencedDetails) {
    super("FENCED", message, details);
    this.localTxid = details.localTxid;
    this.remoteTxid = details.remoteTxid;
    if (details.owner !== undefined) this.owner = details.owner;
    if (details.bufferPath !== undefined) this.bufferPath = details.bufferPath;
  }
}

/** A wrong option. A programmer's mistake, hence a TypeError, with the same `code` and `is` as the others. */
export class OptionError extends TypeError {
  readonly isHeadwaterError: true = true;
  readonly retryable: boolean = false;
  readonly code: "BAD_OPTION" | "BAD_URL";

  constructor(code: "BAD_OPTION" | "BAD_URL", message: string) {
    super(message);
    this.code = code;
  }
}

/** A value out of range or missing (a parameter that a statement names, say). Otherwise as {@link OptionError}. */
export class OptionRangeError extends RangeError {
  readonly isHeadwaterError: true = true;
  readonly retryable: boolean = false;
  readonly code: "BAD_OPTION" = "BAD_OPTION";
}

/** An error in a form that survives a message between threads. Made by {@link errorToWire}. */
export interface WireError {
  readonly kind: "headwater" | "sqlite" | "fenced" | "option" | "range" | "other";
  /** Empty where the error has none. */
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  /** Of an error that is not ours, its class: `TypeError`, say. */
  readonly name?: string;
  readonly stack?: string;
  readonly cause?: WireError;
  readonly fenced?: Omit<FencedDetails, keyof ErrorDetails>;
}

const CAUSE_DEPTH_MAX = 4;

/** Turns any thrown value into plain data. Causes are kept to a depth of four. Never throws. */
export function errorToWire(error: unknown, depth = 0): WireError {
  const e = error instanceof Error ? error : new Error(describe(error));
  const cause = e.cause === undefined || depth >= CAUSE_DEPTH_MAX ? undefined : errorToWire(e.cause, depth + 1);
  const base = { message: e.message, ...(e.stack === undefined ? {} : { stack: e.stack }), ...(cause ? { cause } : {}) };
  if (!HeadwaterError.is(error)) {
    // The system's code ("ENOSPC") says what the message may not.
    const code = "code" in e && typeof e.code === "string" ? e.code : "";
    return { ...base, kind: "other", code, retryable: false, ...(e.name === "Error" ? {} : { name: e.name }) };
  }
  return { ...base, kind: kindOf(error), code: error.code, retryable: error.retryable, ...fencedDetails(error) };
}

/** By what an error has rather than by `instanceof`, which fails where the package is installed twice. */
function kindOf(error: HeadwaterError): WireError["kind"] {
  if (error instanceof RangeError) return "range";
  if (error instanceof TypeError) return "option";
  if (isFenced(error)) return "fenced";
  return error.name === "SqliteError" ? "sqlite" : "headwater";
}

function isFenced(error: HeadwaterError): error is FencedError {
  return error.code === "FENCED" && "localTxid" in error && "remoteTxid" in error;
}

function fencedDetails(error: HeadwaterError): Pick<WireError, "fenced"> {
  if (!isFenced(error)) return {};
  const { localTxid, remoteTxid, owner, bufferPath } = error;
  return {
    fenced: { localTxid, remoteTxid, ...(owner === undefined ? {} : { owner }), ...(bufferPath === undefined ? {} : { bufferPath }) },
  };
}

/** What was thrown, though it is no error. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `a thrown ${typeof thrown} that can't be printed`;
  }
}

/** The inverse of {@link errorToWire}. The stack is that of the other thread. */
export function errorFromWire(wire: WireError): Error {
  const details: ErrorDetails = { retryable: wire.retryable, ...(wire.cause ? { cause: errorFromWire(wire.cause) } : {}) };
  const error = rebuild(wire, details);
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

function rebuild(wire: WireError, details: ErrorDetails): Error {
  switch (wire.kind) {
    case "fenced":
      return new FencedError(wire.message, { ...details, localTxid: "", remoteTxid: "", ...wire.fenced });
    case "sqlite":
      return new SqliteError(wire.code as ErrorCode, wire.message, details);
    case "headwater":
      return new HeadwaterError(wire.code as ErrorCode, wire.message, details);
    case "option":
      return new OptionError(wire.code as "BAD_OPTION", wire.message);
    case "range":
      return new OptionRangeError(wire.message);
    case "other": {
      const error = new Error(wire.message, details.cause === undefined ? undefined : { cause: details.cause });
      if (wire.name !== undefined) error.name = wire.name;
      return wire.code === "" ? error : Object.assign(error, { code: wire.code });
    }
  }
}
