import { HeadwaterError } from "@headwater/core";
import type { ByteRange, ETag } from "../port.js";
import { outOfRange, resolveRange } from "../ranges.js";
import { garbled } from "./errors.js";
import { IGNORED_RANGE_BYTES_MAX } from "./options.js";
import type { Reply } from "./recording-handler.js";

/** An ETag in one form, so that listings, heads, gets and puts can be compared: quoted, and not marked as weak. */
export function normalizeEtag(tag: string | undefined): ETag | undefined {
  const bare = (tag ?? "").trim().replace(/^W\//, "").replace(/^"|"$/g, "");
  return bare === "" ? undefined : (`"${bare}"` as ETag);
}

/** The form that some servers want on a conditional put. */
export function bareEtag(etag: ETag): string {
  return etag.replace(/^"|"$/g, "");
}

/** The server's clock, from the Date header. Nothing where it is missing or no date. */
export function dateOf(reply: Reply): number | undefined {
  const ms = Date.parse(reply.headers["date"] ?? "");
  return Number.isFinite(ms) ? ms : undefined;
}

/** Where the bytes of a body lie in the object. */
export interface BodyExtent {
  /** Bytes of the body that come before what was asked for. */
  readonly skip: number;
  readonly start: number;
  /** Unknown only where a whole object comes without a length. */
  readonly end: number | undefined;
  readonly size: number | undefined;
}

/**
 * Checks that a 2xx reply to a GET says just what was asked for, before a byte of it is believed.
 *
 * @throws {HeadwaterError} `STORE_UNAVAILABLE` for a reply that contradicts the request, `OUT_OF_RANGE`, and `STORE_UNSAFE` for
 *   a server that answers with the whole object where that is too much to skip.
 */
export function bodyExtent(reply: Reply, range: ByteRange | undefined, key: string, store: string): BodyExtent {
  const encoding = (reply.headers["content-encoding"] ?? "").toLowerCase();
  // "aws-chunked" is what some servers keep of how an object was once uploaded; the bytes are plain.
  if (!["", "identity", "aws-chunked"].includes(encoding)) {
    throw garbled("it is compressed, which something between here and the store must not do", key, store);
  }
  const length = lengthOf(reply, key, store);
  if (reply.status === 206) return partial(reply, range, length, key, store);
  if (reply.status !== 200) throw garbled(`status ${reply.status}`, key, store);
  if (range === undefined) return { skip: 0, start: 0, end: length, size: length };
  if (length === undefined) throw garbled("the whole object without a length instead of a range", key, store);
  const { start, end } = resolveRange(range, length, key);
  if (end > IGNORED_RANGE_BYTES_MAX) {
    throw new HeadwaterError(
      "STORE_UNSAFE",
      `the server ignores byte ranges and the object is too large to be read from its beginning; key=${key} size=${length} store=${store}`,
    );
  }
  return { skip: start, start, end, size: length };
}

function partial(reply: Reply, range: ByteRange | undefined, length: number | undefined, key: string, store: string): BodyExtent {
  if (range === undefined) throw garbled("a part instead of the whole object", key, store);
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(reply.headers["content-range"] ?? "");
  if (match === null) throw garbled("a part without a Content-Range that says which", key, store);
  const [first, last, size] = match.slice(1).map(Number) as [number, number, number];
  if (size === 0) throw outOfRange(range, size, key);
  const wanted = resolveRange(range, size, key);
  if (first !== wanted.start || last !== wanted.end - 1) {
    throw garbled(`bytes ${first}-${last} of ${size} instead of ${wanted.start}-${wanted.end - 1}`, key, store);
  }
  if (length !== undefined && length !== wanted.end - wanted.start)
    throw garbled(`a body of ${length} bytes for ${wanted.end - wanted.start}`, key, store);
  return { skip: 0, start: wanted.start, end: wanted.end, size };
}

function lengthOf(reply: Reply, key: string, store: string): number | undefined {
  const text = reply.headers["content-length"];
  if (text === undefined) return undefined;
  const length = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(length)) throw garbled("a Content-Length that is no number", key, store);
  return length;
}
