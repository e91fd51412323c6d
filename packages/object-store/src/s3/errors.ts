import { abortedError, type ErrorCode, HeadwaterError, OptionError } from "@headwater/core";
import { closed } from "../store-errors.js";
import type { Reply } from "./recording-handler.js";

/** What was tried. */
export interface Attempt {
  readonly verb: "get" | "head" | "put" | "delete" | "list";
  /** Key, or prefix of a listing. */
  readonly key: string;
  readonly store: string;
  readonly reply: Reply;
  readonly signal?: AbortSignal | undefined;
  readonly hasIfMatch?: boolean;
  readonly isClosed: boolean;
}

const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: "STORE_NO_BUCKET",
  InvalidBucketName: "STORE_NO_BUCKET",
  PermanentRedirect: "STORE_NO_BUCKET",
  NoSuchKey: "STORE_NOT_FOUND",
  PreconditionFailed: "STORE_PRECONDITION",
  ConditionalRequestConflict: "STORE_CONFLICT",
  OperationAborted: "STORE_CONFLICT",
  InvalidRange: "OUT_OF_RANGE",
  NotImplemented: "STORE_UNSAFE",
  // Some of these come with status 400 or 403, and mean "later" all the same.
  RequestTimeTooSkewed: "STORE_UNAVAILABLE",
  RequestTimeout: "STORE_UNAVAILABLE",
  SlowDown: "STORE_UNAVAILABLE",
  Throttling: "STORE_UNAVAILABLE",
  ThrottlingException: "STORE_UNAVAILABLE",
  TooManyRequests: "STORE_UNAVAILABLE",
  IncompleteBody: "STORE_UNAVAILABLE",
  BadDigest: "STORE_UNAVAILABLE",
  InternalError: "STORE_UNAVAILABLE",
  ServiceUnavailable: "STORE_UNAVAILABLE",
  ExpiredToken: "STORE_DENIED",
};

const STALE_CREDENTIALS: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "InvalidToken",
  "InvalidAccessKeyId",
]);

const HINTS: Partial<Record<ErrorCode, string>> = {
  STORE_NO_BUCKET: "check the bucket's name, the region and the endpoint",
  STORE_NOT_FOUND: "there is no such object",
  STORE_DENIED: "check the credentials and what they allow",
  STORE_PRECONDITION: "the object is not in the state that was asked for; read it again",
  STORE_CONFLICT: "another request was under way; try again",
  STORE_UNAVAILABLE: "the server can't be reached or is busy; try again",
  STORE_UNSAFE: "the server lacks something that is needed here",
  OUT_OF_RANGE: "the range lies outside of the object",
};

/** True when other credentials may well be accepted. */
export function areCredentialsStale(error: unknown): boolean {
  return STALE_CREDENTIALS.has(nameOf(error));
}

/**
 * Whatever the SDK, the network or a provider threw, as one of the port's errors. Of the original only its name, status
 * and request id stay: the rest may hold signed URLs, headers and credentials.
 */
export function translate(error: unknown, attempt: Attempt): Error {
  if (attempt.isClosed) return closed(attempt.store);
  if (attempt.signal?.aborted === true) return abortedError(attempt.signal);
  if (HeadwaterError.is(error)) return error;
  const name = nameOf(error);
  if (name === "Error" && error instanceof Error && error.message === "Region is missing") {
    return new OptionError("BAD_OPTION", `no region is known for the bucket; give it as option or as AWS_REGION; store=${attempt.store}`);
  }
  const { status, headers } = attempt.reply;
  const answered = status !== undefined && status >= 300;
  const code = answered ? codeOf(name, status, attempt) : codeWithoutAnswer(name);
  const region = headers["x-amz-bucket-region"];
  const hint = hintOf(code, answered, region);
  const requestId = clean(headers["x-amz-request-id"]);
  const facts = [
    `error=${detailOf(error, name)}`,
    ...(answered ? [`status=${status}`] : []),
    ...(requestId === "" ? [] : [`requestId=${requestId}`]),
  ];
  const cause = Object.assign(new Error(facts.join(" ")), {
    name,
    ...(answered ? { status } : {}),
    ...(requestId === "" ? {} : { requestId }),
  });
  return new HeadwaterError(code, `${attempt.verb} failed: ${hint}; ${facts.join(" ")} key=${attempt.key} store=${attempt.store}`, {
    cause,
  });
}

/** A reply that contradicts the request or itself. Trying again may bring a right one, so by default it is `retryable`. */
export function garbled(problem: string, key: string, store: string, retryable = true): HeadwaterError {
  return new HeadwaterError("STORE_UNAVAILABLE", `the server's reply can't be used: ${problem}; key=${key} store=${store}`, { retryable });
}

/** What to do about it. `region` is what the server said of the bucket. */
function hintOf(code: ErrorCode, answered: boolean, region: string | undefined): string {
  if (!answered && code === "STORE_DENIED") {
    return `no credentials were found; give them as options, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a profile`;
  }
  if (code === "STORE_NO_BUCKET" && region !== undefined && /^[a-z0-9-]{1,40}$/.test(region)) {
    return `the bucket is in another region; set region=${region}`;
  }
  if (code === "STORE_UNAVAILABLE" && answered) return "the server is busy or failed; try again";
  return HINTS[code] ?? "";
}

function codeOf(name: string, status: number, attempt: Attempt): ErrorCode {
  const { verb } = attempt;
  const known = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  // AWS answers 404 to If-Match on a key that is free; others say 412.
  if (status === 404 && attempt.hasIfMatch === true && known !== "STORE_NO_BUCKET") return "STORE_PRECONDITION";
  if (known !== undefined) return known;
  switch (status) {
    case 301:
      return "STORE_NO_BUCKET";
    case 404:
      return verb === "list" || verb === "put" ? "STORE_NO_BUCKET" : "STORE_NOT_FOUND";
    case 408:
    case 425:
    case 429:
      return "STORE_UNAVAILABLE";
    case 409:
      return "STORE_CONFLICT";
    case 412:
      return "STORE_PRECONDITION";
    case 416:
      return "OUT_OF_RANGE";
    case 501:
      return "STORE_UNSAFE";
    default:
      return status >= 400 && status < 500 ? "STORE_DENIED" : "STORE_UNAVAILABLE";
  }
}

function codeWithoutAnswer(name: string): ErrorCode {
  return name === "CredentialsProviderError" || name === "TokenProviderError" ? "STORE_DENIED" : "STORE_UNAVAILABLE";
}

/** The network's own code where there is one ("ECONNREFUSED"), else the error's name. */
function detailOf(error: unknown, name: string): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && clean(code) !== "" ? clean(code) : name;
}

function nameOf(error: unknown): string {
  const name = typeof error === "object" && error !== null && "name" in error ? error.name : undefined;
  return (typeof name === "string" ? clean(name) : "") || "Unknown";
}

/** A server may call its errors and requests what it likes; what is printed is short and plain. */
function clean(text: string | undefined): string {
  return (text ?? "").replace(/[^\w.:/+=-]/g, "").slice(0, 64);
}
