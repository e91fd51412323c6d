import { type ErrorCode, HeadwaterError } from "@headwater/core";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "STORE_DENIED",
  EPERM: "STORE_DENIED",
  EROFS: "STORE_DENIED",
  // A file where a directory must be, or the other way round; a name that the file system can't hold.
  ENOTDIR: "STORE_DENIED",
  EISDIR: "STORE_DENIED",
  EEXIST: "STORE_DENIED",
  ENAMETOOLONG: "STORE_DENIED",
};

/** The system's code of an error ("ENOENT"), or an empty string. */
export function systemCode(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** True for the errors that mean "there is no such file": nothing there, or a file in place of a directory above it. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** A system error as the port's. What is ours already passes through. */
export function fileError(error: unknown, verb: string, key: string, store: string): HeadwaterError {
  if (HeadwaterError.is(error)) return error;
  const system = systemCode(error);
  const code = CODES[system] ?? "STORE_UNAVAILABLE";
  const hint =
    code === "STORE_DENIED" ? "check who may write there and what is in its place" : "check the disk; the call may be tried again";
  return new HeadwaterError(code, `${verb} failed; ${hint}; error=${system || "unknown"} key=${key} store=${store}`, { cause: error });
}
