import { HeadwaterError } from "./errors.js";

/** The error of a call whose signal fired. */
export function abortedError(signal?: AbortSignal): HeadwaterError {
  return new HeadwaterError("ABORTED", "the call was aborted", signal?.reason === undefined ? {} : { cause: signal.reason });
}

/** @throws {HeadwaterError} `ABORTED` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}
