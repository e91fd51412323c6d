import { OptionError } from "@headwater/core";

/** S3's limit on a key, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;
/** S3's limit on user metadata, names and values together. */
const METADATA_BYTES_MAX = 2048;

/**
 * Orders keys as their UTF-8 bytes do (which is by code point), as every store's listing does. JavaScript's own `<`
 * compares UTF-16 units and differs above U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

/** Moves the surrogates (the halves of what lies above U+FFFF) behind the rest of the 16-bit units. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/**
 * Refuses a key that some backend could not hold: empty, over 1024 bytes, with an empty, `.` or `..` segment, with a
 * control character, a backslash, or half of a surrogate pair.
 *
 * @throws {OptionError} `BAD_OPTION`; such a key is the caller's mistake, not the store's answer.
 */
export function checkKey(key: string): void {
  const problem = problemOfKey(key);
  if (problem !== undefined) throw new OptionError("BAD_OPTION", `bad object key: ${problem}; key=${JSON.stringify(shorten(key))}`);
}

/** Like {@link checkKey} for the prefix of a listing, which may be empty and may end anywhere within a key. */
export function checkPrefix(prefix: string): void {
  if (prefix === "") return;
  // A prefix is right when some key that starts with it is; "a" completes a segment that was cut at any point but "." and "..".
  const problem = problemOfKey(`${prefix}a`);
  if (problem !== undefined) throw new OptionError("BAD_OPTION", `bad key prefix: ${problem}; prefix=${JSON.stringify(shorten(prefix))}`);
}

function problemOfKey(key: string): string | undefined {
  if (typeof key !== "string" || key === "") return "expected a string that is not empty";
  // A UTF-16 unit takes three bytes at most, so short keys need no counting.
  if (key.length * 3 > KEY_BYTES_MAX && utf8Length(key) > KEY_BYTES_MAX) return `longer than ${KEY_BYTES_MAX} bytes`;
  if (/[\p{Cc}\\]/u.test(key)) return "a control character or a backslash";
  if (/\p{Cs}/u.test(key)) return "half of a surrogate pair";
  if (/(^|\/)\.{0,2}(\/|$)/.test(key)) return 'an empty, "." or ".." segment, or a slash at an end';
  return undefined;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function shorten(text: string): string {
  const raw = String(text);
  return raw.length > 200 ? `${raw.slice(0, 200)}...` : raw;
}

/**
 * Refuses metadata that S3 could not carry in headers: names other than lower-case letters, digits and dashes, values
 * other than printable ASCII, more than 2 KiB in all.
 *
 * @throws {OptionError} `BAD_OPTION`.
 */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[a-z0-9-]{1,128}$/.test(name))
      throw new OptionError(
        "BAD_OPTION",
        `bad metadata name: expected lower-case letters, digits and dashes; name=${JSON.stringify(shorten(name))}`,
      );
    if (!/^[\x20-\x7e]*$/.test(value)) throw new OptionError("BAD_OPTION", `bad metadata value: expected printable ASCII; name=${name}`);
    bytes += name.length + value.length;
  }
  if (bytes > METADATA_BYTES_MAX) throw new OptionError("BAD_OPTION", `metadata longer than ${METADATA_BYTES_MAX} bytes; bytes=${bytes}`);
}
