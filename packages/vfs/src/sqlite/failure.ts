import { errorFromWire, errorToWire, HeadwaterError, OptionError, OptionRangeError, SqliteError } from "@headwater/core";
import { resultName } from "./result-names.js";

/**
 * What a failed call into SQLite throws. `cause` is what a VFS call threw under it: an error of ours comes first then,
 * a copy of it with the {@link SqliteError} as its cause, so that one error object is never changed behind a caller's back.
 */
export function failureOf(code: number, message: string, cause?: unknown): Error {
  // A pragma's wrong value, and what this adapter itself refuses, say everything already.
  if (cause instanceof OptionError || cause instanceof OptionRangeError || cause instanceof SqliteError) return cause;
  if (!HeadwaterError.is(cause)) return new SqliteError(resultName(code), message, cause === undefined ? {} : { cause });
  const sqlite = new SqliteError(resultName(code), message, cause.cause === undefined ? {} : { cause: cause.cause });
  return errorFromWire({ ...errorToWire(cause), cause: errorToWire(sqlite) });
}
