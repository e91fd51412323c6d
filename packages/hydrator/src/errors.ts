import { HeadwaterError } from "@headwater/core";
import type { ReplicaFile } from "@headwater/replica";

/** Hydration ended, for this reason. What is in the copy stays usable. */
export function hydrationFailed(path: string, why: string, cause?: unknown): HeadwaterError {
  const retryable = HeadwaterError.is(cause) && cause.retryable;
  const details = cause === undefined ? {} : { cause, retryable };
  return new HeadwaterError("HYDRATION_FAILED", `the local copy can't be filled: ${why}; path=${path}`, details);
}

/** A file of the replica is not what LTX prescribes. */
export function corruptFile(file: ReplicaFile, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError(
    "LTX_CORRUPT",
    `a file of the replica is corrupt: ${what}; restore it from a backup, or go back to a state that needs it not; key=${file.key}`,
    cause === undefined ? {} : { cause },
  );
}

/** Names the key in an `LTX_CORRUPT` of the codec; other errors go on as they are. */
export function namingKey(file: ReplicaFile, error: unknown): unknown {
  if (!HeadwaterError.is(error) || error.code !== "LTX_CORRUPT" || error.message.includes(`key=${file.key}`)) return error;
  return corruptFile(file, "it can't be decoded", error);
}

/** True for the errors that a disk or file system throws. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && !HeadwaterError.is(error) && typeof (error as { code?: unknown }).code === "string";
}

/** The page index of a database's snapshot is so large that it is read in parts. To hydrate, all of it would have to be held. */
export function tooLargeToHydrate({ key, size }: ReplicaFile): HeadwaterError {
  return new HeadwaterError(
    "HYDRATION_FAILED",
    `the database is too large to be hydrated: the page index of its snapshot is read in parts, as pages are needed; reads stay remote; restore it to a file instead; key=${key} size=${size}`,
  );
}

/** Turns whatever ended a run into what {@link Hydrator.start} rejects with. */
export function outcomeOf(path: string, error: unknown): HeadwaterError {
  if (HeadwaterError.is(error)) {
    if (["HYDRATION_FAILED", "REPLICA_FILE_GONE", "ABORTED", "CLOSED"].includes(error.code)) return error;
    if (error.code === "LTX_CORRUPT") return hydrationFailed(path, "a file of the replica is corrupt, see the cause", error);
    return hydrationFailed(path, "the replica can't be read, see the cause", error);
  }
  if (isSystemError(error))
    return hydrationFailed(path, `the file can't be written (${error.code}); make room or choose another path`, error);
  return hydrationFailed(path, "an unexpected error", error);
}
