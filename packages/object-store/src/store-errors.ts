import { HeadwaterError } from "@headwater/core";

export function notFound(key: string, store: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("STORE_NOT_FOUND", `no such object; key=${key} store=${store}`, { cause });
}

/** The precondition did not hold and nothing was done. */
export function preconditionFailed(key: string, store: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError(
    "STORE_PRECONDITION",
    `the object is not in the state that was asked for; read it again; key=${key} store=${store}`,
    { cause },
  );
}

export function closed(store: string): HeadwaterError {
  return new HeadwaterError("CLOSED", `the store was closed; store=${store}`);
}
