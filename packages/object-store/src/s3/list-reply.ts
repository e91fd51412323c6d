import type { RawObject } from "./listing.js";
import type { ListOutput } from "./requests.js";

const ROOT = /^\uFEFF?\s*(?:<\?xml[^>]*\?>)?\s*<ListBucketResult(?:\s[^<>]*)?>/;
const END = /<\/ListBucketResult>\s*$/;
/** An element with text only, or an empty one; and the start of one with elements in it. */
const LEAF = /\s*<([A-Za-z0-9]+)(?:>([^<]*)<\/\1\s*>|\s*\/>)/y;
const START = /\s*<([A-Za-z0-9]+)>/y;
const BLANK = /\s*/y;

type Fields = Map<string, string>;

/**
 * A reply to ListObjectsV2 in the plain form in which servers write it; `undefined` for whatever else XML allows (comments,
 * CDATA, attributes), which a real parser has to read. A page of 1,000 keys takes a tenth of what the SDK needs for it.
 */
export function parseListReply(xml: string): ListOutput | undefined {
  const root = ROOT.exec(xml);
  const end = END.exec(xml)?.index;
  if (root === null || end === undefined || xml.includes("<!")) return undefined;
  const contents: RawObject[] = [];
  const fields = readElement(xml, root[0].length, end, (name, from, to) => {
    if (name !== "Contents") return true;
    const object = parseObject(xml, from, to);
    if (object !== undefined) contents.push(object);
    return object !== undefined;
  });
  if (fields === undefined) return undefined;
  const truncated = fields.get("IsTruncated");
  return {
    contents,
    isTruncated: truncated === "true" ? true : truncated === "false" ? false : undefined,
    nextToken: fields.get("NextContinuationToken"),
  };
}

function parseObject(xml: string, from: number, to: number): RawObject | undefined {
  // Owner, RestoreStatus: of no interest.
  const fields = readElement(xml, from, to, () => true);
  if (fields === undefined) return undefined;
  const size = fields.get("Size");
  const modified = fields.get("LastModified");
  return {
    Key: fields.get("Key"),
    Size: size === undefined || !/^\d{1,16}$/.test(size) ? undefined : Number(size),
    ETag: fields.get("ETag"),
    LastModified: modified === undefined ? undefined : new Date(modified),
  };
}

/**
 * What is between an element's tags: the texts in it, by name. Elements that hold others go to `nested`, with where their
 * own content begins and ends. Undefined where `nested` says no, and for all that is not in the plain form.
 */
function readElement(
  xml: string,
  from: number,
  to: number,
  nested: (name: string, from: number, to: number) => boolean,
): Fields | undefined {
  const fields: Fields = new Map();
  for (let at = from; at < to; ) {
    const leaf = match(LEAF, xml, at);
    if (leaf !== undefined) {
      if (!put(fields, leaf)) return undefined;
      at = LEAF.lastIndex;
      continue;
    }
    const name = match(START, xml, at)?.[1];
    if (name === undefined) {
      BLANK.lastIndex = at;
      BLANK.exec(xml);
      return BLANK.lastIndex === to ? fields : undefined;
    }
    const start = START.lastIndex;
    const close = `</${name}>`;
    const end = xml.indexOf(close, start);
    if (end < 0 || end > to || !nested(name, start, end)) return undefined;
    at = end + close.length;
  }
  return fields;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** False for text that means something unknown. The first of two of the same name would be lost, so there must not be two. */
function put(fields: Fields, [, name = "", text = ""]: RegExpExecArray): boolean {
  const value = text.includes("&") ? decodeEntities(text) : text;
  if (value === undefined) return false;
  if (fields.has(name)) return REPEATED.has(name);
  fields.set(name, value);
  return true;
}

/** May come more than once, and are of no interest. */
const REPEATED: ReadonlySet<string> = new Set(["ChecksumAlgorithm", "CommonPrefixes"]);

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string | undefined {
  let isKnown = true;
  const decoded = text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));|&/g, (_all, hex?: string, decimal?: string, name?: string) => {
    const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : undefined;
    if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
    const known = name !== undefined && Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
    isKnown &&= known !== undefined;
    return known ?? "";
  });
  return isKnown ? decoded : undefined;
}
