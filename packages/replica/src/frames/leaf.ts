/** Pages that one leaf is for: 6 KB of entries when all are there, cheap enough to be copied for one of them. */
export const LEAF_PAGES = 512;
/** Words of an entry: offset (low half), offset (high part) and size, file. */
export const ENTRY_WORDS = 3;
/** A sparse entry has its slot in front. */
const SPARSE_WORDS = 4;

/** Bits of a frame's size; the rest of the second word holds the high bits of its offset. */
const SIZE_BITS = 18;
/** Bytes that a frame may take: more than LZ4 needs for any page. */
export const FRAME_SIZE_LIMIT: number = 2 ** SIZE_BITS;
/** 64 TiB. */
export const OFFSET_LIMIT: number = 2 ** (32 + 32 - SIZE_BITS);

/** Where {@link LEAF_PAGES} consecutive pages lie, as far as they are known. Never changed once it is in a map. */
export interface Leaf {
  /** Entries in the order of their slots, each with its slot; else entry `i` is that of slot `i`, of size 0 where there is none. */
  readonly sparse: boolean;
  readonly words: Uint32Array;
}

/** Position of a slot's entry in the leaf's words, or -1. */
export function findEntry({ sparse, words }: Leaf, slot: number): number {
  if (!sparse) {
    const at = slot * ENTRY_WORDS;
    return at < words.length && sizeAt(words, at) > 0 ? at : -1;
  }
  let low = 0;
  let high = words.length / SPARSE_WORDS;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[middle * SPARSE_WORDS] ?? 0) < slot) low = middle + 1;
    else high = middle;
  }
  return words[low * SPARSE_WORDS] === slot ? low * SPARSE_WORDS + 1 : -1;
}

export function sizeAt(words: Uint32Array, at: number): number {
  return (words[at + 1] ?? 0) & (FRAME_SIZE_LIMIT - 1);
}

export function offsetAt(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) + ((words[at + 1] ?? 0) >>> SIZE_BITS) * 2 ** 32;
}

export function fileAt(words: Uint32Array, at: number): number {
  return words[at + 2] ?? 0;
}

export function putEntry(words: Uint32Array, at: number, offset: number, size: number, file: number): void {
  words[at] = offset % 2 ** 32;
  words[at + 1] = Math.floor(offset / 2 ** 32) * FRAME_SIZE_LIMIT + size;
  words[at + 2] = file;
}

/** Calls for every entry, by slot. */
export function forEachEntry({ sparse, words }: Leaf, visit: (slot: number, at: number) => void): void {
  if (sparse) for (let at = 1; at < words.length; at += SPARSE_WORDS) visit(words[at - 1] ?? 0, at);
  else for (let slot = 0, at = 0; at < words.length; slot += 1, at += ENTRY_WORDS) if (sizeAt(words, at) > 0) visit(slot, at);
}

/** The frames of one file that are in use. */
export interface FileFrames {
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** Puts a file's entries behind the `n` that are there; gives their number then. `first` is the pgno of slot 0. */
export function collectFrames({ sparse, words }: Leaf, file: number, first: number, into: FileFrames, n: number): number {
  const stride = sparse ? SPARSE_WORDS : ENTRY_WORDS;
  let count = n;
  for (let i = 0, at = sparse ? 1 : 0; at < words.length; i += 1, at += stride) {
    const size = sizeAt(words, at);
    if (size === 0 || words[at + 2] !== file) continue;
    into.pgnos[count] = first + (sparse ? (words[at - 1] ?? 0) : i);
    into.offsets[count] = offsetAt(words, at);
    into.sizes[count] = size;
    count += 1;
  }
  return count;
}

/** One leaf, spread out to be worked on. */
export class LeafBuffer {
  readonly words: Uint32Array = new Uint32Array(LEAF_PAGES * ENTRY_WORDS);

  load(leaf: Leaf | undefined): void {
    this.words.fill(0);
    if (leaf === undefined) return;
    if (!leaf.sparse) this.words.set(leaf.words);
    else forEachEntry(leaf, (slot, at) => this.words.set(leaf.words.subarray(at, at + ENTRY_WORDS), slot * ENTRY_WORDS));
  }

  /** In the form that takes less memory: 12 bytes a slot, or 16 an entry. Undefined without entries. */
  pack(): Leaf | undefined {
    const { words } = this;
    let count = 0;
    let slots = 0;
    for (let slot = 0; slot < LEAF_PAGES; slot += 1) {
      if (sizeAt(words, slot * ENTRY_WORDS) === 0) continue;
      count += 1;
      slots = slot + 1;
    }
    if (count === 0) return undefined;
    if (count * SPARSE_WORDS >= slots * ENTRY_WORDS) return { sparse: false, words: words.slice(0, slots * ENTRY_WORDS) };
    const packed = new Uint32Array(count * SPARSE_WORDS);
    for (let slot = 0, to = 0; slot < slots; slot += 1) {
      const at = slot * ENTRY_WORDS;
      if (sizeAt(words, at) === 0) continue;
      packed[to] = slot;
      packed.set(words.subarray(at, at + ENTRY_WORDS), to + 1);
      to += SPARSE_WORDS;
    }
    return { sparse: true, words: packed };
  }
}
