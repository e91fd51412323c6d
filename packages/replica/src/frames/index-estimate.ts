import { lockPgno } from "@headwater/core";
import { INDEX_ENTRY_BYTES_MIN } from "@headwater/ltx";

/** A place in a snapshot's page index where an entry is known to begin. */
export interface Anchor {
  /** How many entries come before it. */
  readonly entry: number;
  /** Byte offset in the file where the entry begins. */
  readonly position: number;
  /** Byte offset in the file of the entry's frame. */
  readonly offset: number;
}

/** Where an entry begins: the likeliest place, and the bounds within which it must be. */
export interface Estimate {
  readonly position: number;
  readonly low: number;
  readonly high: number;
}

/** A varint needs a byte more from each of these on. */
const VARINT_STEPS: readonly number[] = [7, 14, 21, 28, 35, 42, 49].map((bits) => 2 ** bits);
/** What the size of a frame takes to be told: one byte for very short ones, three for long ones of large pages. */
const SIZE_FIELD_MAX = 3;
const SIZE_FIELD_MAX_SMALL_PAGE = 2;
const SMALL_PAGE_BYTES = 8192;

export function varintLength(value: number): number {
  let length = 1;
  for (const step of VARINT_STEPS) if (value >= step) length += 1;
  return length;
}

/** Bytes of all pgnos of the entries before this one. Exact: in a snapshot, the entry says the pgno. */
function pgnoBytes(entry: number, lock: number): number {
  let bytes = entry;
  // The first entry whose pgno is at least `step`.
  for (const step of VARINT_STEPS) bytes += Math.max(0, entry - (step > lock ? step - 2 : step - 1));
  return bytes;
}

/** Bytes of the offsets of `count` entries, when they grow evenly from `first` by `each`. */
function offsetBytes(first: number, each: number, count: number): number {
  let bytes = count;
  for (const step of VARINT_STEPS) bytes += count - Math.min(count, Math.max(0, Math.ceil((step - first) / each)));
  return bytes;
}

/**
 * Where an entry between two anchors begins. Its pgnos' lengths are known; those of offsets follow from even growth
 * between the anchors; what is left is shared out evenly. The bounds take the shortest and the longest that offsets and
 * sizes can be.
 */
export function estimatePosition(entry: number, a: Anchor, b: Anchor, pageSize: number): Estimate {
  const lock = lockPgno(pageSize);
  const all = b.entry - a.entry;
  const before = entry - a.entry;
  const pgnosBefore = pgnoBytes(entry, lock) - pgnoBytes(a.entry, lock);
  const pgnosAfter = pgnoBytes(b.entry, lock) - pgnoBytes(entry, lock);
  const sizeMax = pageSize <= SMALL_PAGE_BYTES ? SIZE_FIELD_MAX_SMALL_PAGE : SIZE_FIELD_MAX;
  const [shortest, longest] = [varintLength(a.offset) + 1, varintLength(b.offset) + sizeMax];
  const low = Math.max(a.position + pgnosBefore + before * shortest, b.position - pgnosAfter - (all - before) * longest);
  const high = Math.min(a.position + pgnosBefore + before * longest, b.position - pgnosAfter - (all - before) * shortest);
  const each = Math.max(1, (b.offset - a.offset) / all);
  const sizesAll = b.position - a.position - pgnosBefore - pgnosAfter - offsetBytes(a.offset, each, all);
  const likely = a.position + pgnosBefore + offsetBytes(a.offset, each, before) + (before * sizesAll) / all;
  return { position: Math.round(Math.min(high, Math.max(low, likely))), low, high };
}

/** Entries in the order of the index, with what is known of where they are. Never forgets the first and the last. */
export class Anchors {
  readonly #max: number;
  #list: Anchor[];

  constructor(first: Anchor, last: Anchor, max = 4096) {
    this.#list = [first, last];
    this.#max = max;
  }

  get count(): number {
    return this.#list.length;
  }

  /** The anchors at or before an entry, and behind it. */
  around(entry: number): { readonly before: Anchor; readonly after: Anchor } {
    const at = this.#firstBehind(entry);
    return { before: this.#list[at - 1] as Anchor, after: this.#list[at] as Anchor };
  }

  /** The anchor at just this byte offset of the file. */
  at(position: number): Anchor | undefined {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#list[middle]?.position ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return this.#list[low]?.position === position ? this.#list[low] : undefined;
  }

  /** Takes in what was found. False, and nothing is taken in, when one of them contradicts those around it. */
  add(...found: readonly Anchor[]): boolean {
    if (!found.every((anchor) => this.#fits(anchor))) return false;
    for (const anchor of found) {
      const at = this.#firstBehind(anchor.entry);
      if (this.#list[at - 1]?.entry !== anchor.entry) this.#list.splice(at, 0, anchor);
    }
    if (this.#list.length > this.#max) this.#list = this.#list.filter((_, i, { length }) => i % 2 === 0 || i === length - 1);
    return true;
  }

  #fits(anchor: Anchor): boolean {
    const at = this.#firstBehind(anchor.entry);
    const [before, after] = [this.#list[at - 1], this.#list[at]];
    if (before?.entry === anchor.entry) return before.position === anchor.position && before.offset === anchor.offset;
    return follows(before, anchor) && follows(anchor, after);
  }

  /** Position in the list of the first anchor behind an entry; of the last one for what is behind all. */
  #firstBehind(entry: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#list[middle]?.entry ?? 0) <= entry) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function follows(a: Anchor | undefined, b: Anchor | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return b.offset > a.offset && b.position - a.position >= (b.entry - a.entry) * INDEX_ENTRY_BYTES_MIN;
}
