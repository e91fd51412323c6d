/**
 * LZ4 block encoder for one page: a greedy single-probe match finder over a table of the last position of each hash.
 * The table holds `base + position` and `base` rises with every page, so entries of earlier pages are simply too
 * small and the table needs no clearing.
 * @see lz4/doc/lz4_Block_format.md, "End of block restrictions"
 */
import { TABLE_AT, TABLE_BITS } from "./layout";

const MIN_MATCH: usize = 4;
/** The last match must start at least this many bytes before the end. */
const MATCH_START_MARGIN: usize = 12;
/** The last bytes are always literals. */
const LAST_LITERALS: usize = 5;

let base: u32 = 1;

/** For tests of the wrap, which otherwise takes 4 GB of pages. Must not go down. */
export function raiseBase(to: u32): void {
  base = to;
}

// @ts-ignore: decorator
@inline
function slot(at: usize): usize {
  return TABLE_AT + (((load<u32>(at) * 2654435761) >> (32 - TABLE_BITS)) << 2);
}

/** How many bytes are equal at `a` and `b`, not going beyond `limit` with `a`. */
// @ts-ignore: decorator
@inline
function matchLength(a: usize, b: usize, limit: usize): usize {
  const start = a;
  while (a + 8 <= limit) {
    const difference = load<u64>(a) ^ load<u64>(b);
    if (difference != 0) return a - start + ((<usize>ctz(difference)) >> 3);
    a += 8;
    b += 8;
  }
  while (a < limit && load<u8>(a) == load<u8>(b)) {
    a += 1;
    b += 1;
  }
  return a - start;
}

// @ts-ignore: decorator
@inline
function putLength(to: usize, rest: usize): usize {
  while (rest >= 255) {
    store<u8>(to, 255);
    to += 1;
    rest -= 255;
  }
  store<u8>(to, <u8>rest);
  return to + 1;
}

/** Writes the token's literal part and the literals. Returns where the output goes on; the token is at `to`. */
// @ts-ignore: decorator
@inline
function putLiterals(to: usize, from: usize, length: usize, matchNibble: u32): usize {
  if (length < 15) {
    store<u8>(to, (<u32>length << 4) | matchNibble);
    to += 1;
    store<u64>(to, load<u64>(from));
    store<u64>(to, load<u64>(from, 8), 8);
    return to + length;
  }
  store<u8>(to, 0xf0 | matchNibble);
  to = putLength(to + 1, length - 15);
  memory.copy(to, from, length);
  return to + length;
}

/** Compresses `length` bytes at `src` to `dst`, which must have room for `length + length / 255 + 16`. Returns where the output ends. */
export function encodeBlock(src: usize, length: usize, dst: usize): usize {
  const end = src + length;
  let anchor = src;
  if (length > MATCH_START_MARGIN) {
    if (base > 0xfff00000) {
      memory.fill(TABLE_AT, 0, 4 << TABLE_BITS);
      base = 1;
    }
    const origin = src - base; // an entry e stands for the address origin + e
    const matchStartEnd = end - MATCH_START_MARGIN;
    const matchEnd = end - LAST_LITERALS;
    let at = src;
    let misses: usize = 1 << 6;
    while (at <= matchStartEnd) {
      const where = slot(at);
      const entry = load<u32>(where);
      store<u32>(where, <u32>(at - origin));
      let from = origin + entry;
      // Distance: pages have at most 65536 bytes, and an offset at most 65535.
      if (entry < base || load<u32>(from) != load<u32>(at) || at - from > 65535) {
        at += misses >> 6;
        misses += 1;
        continue;
      }
      while (at > anchor && from > src && load<u8>(at - 1) == load<u8>(from - 1)) {
        at -= 1;
        from -= 1;
      }
      const matched = MIN_MATCH + matchLength(at + MIN_MATCH, from + MIN_MATCH, matchEnd);
      const rest = matched - MIN_MATCH;
      dst = putLiterals(dst, anchor, at - anchor, rest < 15 ? <u32>rest : 15);
      store<u16>(dst, <u16>(at - from));
      dst += 2;
      if (rest >= 15) dst = putLength(dst, rest - 15);
      at += matched;
      anchor = at;
      misses = 1 << 6;
      if (at <= matchStartEnd) store<u32>(slot(at - 2), <u32>(at - 2 - origin));
    }
    base += <u32>length;
  }
  return putLiterals(dst, anchor, end - anchor, 0);
}
