import { HeadwaterError } from "./errors.js";

/** The error of a call whose signal fired. */
export function abortedError(signal?: AbortSignal): HeadwaterError {
  return new HeadwaterError("ABORTED", "the call was aborted", signal?.reason === undefined ? {} : { cause: signal.reason });
}

/** @throws {HeadwaterError} `ABORTED` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** The promise, or `ABORTED` if the signal fires first. What the promise stands for goes on, and how it ends is then nobody's concern. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
