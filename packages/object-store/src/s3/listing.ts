import { HeadwaterError } from "@headwater/core";
import { compareKeys } from "../keys.js";
import type { ListPage, ObjectMeta } from "../port.js";
import { garbled } from "./errors.js";
import { normalizeEtag } from "./replies.js";

/** One ListObjectsV2 as the server answered it. */
export interface RawPage {
  readonly contents: readonly RawObject[];
  readonly isTruncated: boolean;
  readonly nextToken: string | undefined;
  readonly dateMs: number;
  readonly bytes: number;
}

export interface RawObject {
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

export type SendList = (position: { readonly startAfter: string | undefined; readonly token: string | undefined }) => Promise<RawPage>;

/** Truncated pages in a row without a new key, after which the server is held to be broken. */
const BARREN_MAX = 10;

/**
 * Pages of a listing, checked so that a server's mistake is an error and never a gap, a repeat or an endless loop: keys
 * must start with the prefix and rise. Put right are: a page that is truncated without a token (the next one starts after its
 * last key), one that begins with the key that the one before ended with, and a start key that was ignored.
 */
export async function* listPages(
  send: SendList,
  prefix: string,
  startAfter: string | undefined,
  store: string,
): AsyncGenerator<ListPage, void, undefined> {
  let after = startAfter;
  let last: string | undefined;
  let token: string | undefined;
  for (let barren = 0; ; ) {
    const page = await send({ startAfter: after, token });
    const objects: ObjectMeta[] = [];
    for (const raw of page.contents) {
      const object = metaOf(raw, prefix, store);
      if (last !== undefined && object.key === last) continue;
      if (last !== undefined && compareKeys(object.key, last) < 0) throw unordered(object.key, last, store);
      last = object.key;
      if (startAfter === undefined || compareKeys(object.key, startAfter) > 0) objects.push(object);
    }
    token = page.isTruncated ? page.nextToken : undefined;
    if (token === undefined && last !== undefined) after = after !== undefined && compareKeys(after, last) > 0 ? after : last;
    barren = objects.length > 0 ? 0 : barren + 1;
    const isStuck = page.isTruncated && (barren >= BARREN_MAX || (token === undefined && page.contents.length === 0));
    if (isStuck) throw garbled("pages of a listing that lead nowhere", prefix, store);
    yield { objects, truncated: page.isTruncated, dateMs: page.dateMs, bytes: page.bytes };
    if (!page.isTruncated) return;
  }
}

function metaOf(raw: RawObject, prefix: string, store: string): ObjectMeta {
  const { Key: key, Size: size, LastModified } = raw;
  const etag = normalizeEtag(raw.ETag);
  const lastModifiedMs = LastModified?.getTime() ?? Number.NaN;
  if (key === undefined || !key.startsWith(prefix)) throw garbled("a listing with a key outside of its prefix", prefix, store);
  if (size === undefined || !Number.isSafeInteger(size) || size < 0 || etag === undefined || !Number.isFinite(lastModifiedMs)) {
    throw garbled("a listing without size, ETag or time of an object", key, store);
  }
  return { key, size, etag, lastModifiedMs };
}

function unordered(key: string, last: string, store: string): HeadwaterError {
  return new HeadwaterError(
    "STORE_UNSAFE",
    `the server lists keys out of order or again, so nothing can be known to be complete (S3 Express buckets do that); key=${key} after=${last} store=${store}`,
  );
}
