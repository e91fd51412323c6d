import { HeadwaterError } from "@headwater/core";
import type { ReplicaFile } from "./replica-file.js";

/** A file of the replica is not what LTX prescribes, or contradicts its name or its neighbours. */
export function corrupt(file: { readonly key: string }, what: string, values = "", cause?: unknown): HeadwaterError {
  const more = values === "" ? "" : ` ${values}`;
  return new HeadwaterError(
    "LTX_CORRUPT",
    `a file of the replica is corrupt: ${what}; restore it from a backup, or go back to a state that needs it not; key=${file.key}${more}`,
    cause === undefined ? {} : { cause },
  );
}

/** A planned file is not there any more, or another one lies under its key: the plan is old. */
export function fileGone(file: ReplicaFile, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError(
    "REPLICA_FILE_GONE",
    `a file of the replica ${what} since it was listed; list the replica again; key=${file.key} etag=${file.etag} size=${file.size}`,
    cause === undefined ? {} : { cause },
  );
}

/** Adds the key to an `LTX_CORRUPT` that the codec threw; everything else goes on as it is. */
export function withKey(file: { readonly key: string }, values: string, error: unknown): unknown {
  if (!HeadwaterError.is(error) || error.code !== "LTX_CORRUPT") return error;
  const problem = "problem" in error ? `problem=${String(error.problem)}` : "";
  return corrupt(file, "it can't be decoded", [values, problem].filter((v) => v !== "").join(" "), error);
}
