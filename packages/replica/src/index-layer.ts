import type { ReplicaFile } from "./replica-file.js";

/** Bits of a frame's size; the rest of the second word holds the high bits of its offset. */
const SIZE_BITS = 18;
/** Bytes that a frame may take: more than LZ4 needs for any page. */
export const FRAME_SIZE_LIMIT: number = 2 ** SIZE_BITS;
/** 64 TiB. */
export const OFFSET_LIMIT: number = 2 ** (32 + 32 - SIZE_BITS);
const WORDS = 3;

/** Frames by pgno. An immutable piece of a page index. */
export interface IndexLayer {
  /** What the entries' third words point at. */
  readonly files: readonly ReplicaFile[];
  /** Ascending; undefined in a dense layer, whose entry `i` is page `i + 1`. */
  readonly pgnos: Uint32Array | undefined;
  /** Three words an entry: offset (low half), offset (high part) and size, file. An entry of size 0 is none. */
  readonly words: Uint32Array;
  /** Entries of size > 0. */
  readonly count: number;
}

/** Entries of an index on their way into a layer. Sorted by pgno. */
export interface Entries {
  readonly count: number;
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** A layer and the highest pgno of it that still counts. */
export interface Bounded {
  readonly layer: IndexLayer;
  readonly bound: number;
}

/** The layer of one file, without the entries above `bound`. The caller has checked offsets and sizes. */
export function layerOf(file: ReplicaFile, entries: Entries, bound: number): IndexLayer {
  let count = entries.count;
  while (count > 0 && (entries.pgnos[count - 1] ?? 0) > bound) count -= 1;
  const words = new Uint32Array(count * WORDS);
  for (let i = 0, w = 0; i < count; i += 1, w += WORDS) {
    const offset = entries.offsets[i] ?? 0;
    words[w] = offset % 2 ** 32;
    words[w + 1] = Math.floor(offset / 2 ** 32) * FRAME_SIZE_LIMIT + (entries.sizes[i] ?? 0);
  }
  return densest([file], entries.pgnos.subarray(0, count), words);
}

/** Index of a page's entry, or -1. */
export function findEntry(layer: IndexLayer, pgno: number): number {
  const { pgnos, words } = layer;
  if (pgnos === undefined) return pgno * WORDS <= words.length && sizeAt(layer, pgno - 1) > 0 ? pgno - 1 : -1;
  let low = 0;
  let high = pgnos.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pgnos[middle] ?? 0) < pgno) low = middle + 1;
    else high = middle;
  }
  return pgnos[low] === pgno ? low : -1;
}

export function sizeAt(layer: IndexLayer, entry: number): number {
  return (layer.words[entry * WORDS + 1] ?? 0) & (FRAME_SIZE_LIMIT - 1);
}

export function offsetAt(layer: IndexLayer, entry: number): number {
  return (layer.words[entry * WORDS] ?? 0) + ((layer.words[entry * WORDS + 1] ?? 0) >>> SIZE_BITS) * 2 ** 32;
}

/** Index into the layer's files. */
export function fileAt(layer: IndexLayer, entry: number): number {
  return layer.words[entry * WORDS + 2] ?? 0;
}

/** How many slots a layer has, empty ones included. */
export function slotsOf(layer: IndexLayer): number {
  return layer.words.length / WORDS;
}

/** The pgno of a slot. */
export function pgnoAt(layer: IndexLayer, entry: number): number {
  return layer.pgnos === undefined ? entry + 1 : (layer.pgnos[entry] ?? 0);
}

/** Both layers as one: an entry of `newer` hides that of `older`. Files that no entry uses any more are forgotten. */
export function mergeLayers(older: Bounded, newer: Bounded): IndexLayer {
  const files = [...older.layer.files, ...newer.layer.files];
  return overlay(older, newer, files) ?? interleave(older, newer, files);
}

/** Without what lies above its bound, once that is more than half of it. */
export function trimmed(bounded: Bounded): Bounded {
  const { layer, bound } = bounded;
  const end = endOf(bounded);
  if (end * 2 >= slotsOf(layer)) return bounded;
  const words = layer.words.slice(0, end * WORDS);
  const { files, count } = prune(layer.files, words);
  return { layer: { files, pgnos: layer.pgnos?.slice(0, end), words, count }, bound };
}

/** The quick way, by copying a dense layer and writing on it; undefined where the outcome would not be dense. */
function overlay(older: Bounded, newer: Bounded, files: readonly ReplicaFile[]): IndexLayer | undefined {
  const [below, above] = [older.layer, newer.layer];
  const end = endOf(newer);
  const slots = Math.max(Math.min(slotsOf(below), older.bound), end === 0 ? 0 : pgnoAt(above, end - 1));
  if (below.pgnos !== undefined || !isDense(below.count + above.count, slots)) return undefined;
  const words = new Uint32Array(slots * WORDS);
  words.set(below.words.subarray(0, Math.min(slotsOf(below), older.bound) * WORDS));
  const shift = below.files.length;
  for (let i = 0; i < end; i += 1) {
    if (sizeAt(above, i) > 0) copyEntry(above, i, words, pgnoAt(above, i) - 1, shift);
  }
  const layer = { ...prune(files, words), pgnos: undefined, words };
  return isDense(layer.count, slots) ? layer : undefined;
}

function interleave(older: Bounded, newer: Bounded, files: readonly ReplicaFile[]): IndexLayer {
  const [below, above] = [older.layer, newer.layer];
  const [belowEnd, aboveEnd] = [endOf(older), endOf(newer)];
  const pgnos = new Uint32Array(below.count + above.count);
  const words = new Uint32Array(pgnos.length * WORDS);
  let n = 0;
  for (let i = 0, j = 0; i < belowEnd || j < aboveEnd; ) {
    const p = i < belowEnd ? pgnoAt(below, i) : Number.POSITIVE_INFINITY;
    const q = j < aboveEnd ? pgnoAt(above, j) : Number.POSITIVE_INFINITY;
    // A slot of size 0 is a hole in a dense layer: it hides nothing.
    if (q <= p && sizeAt(above, j) > 0) {
      pgnos[n] = q;
      copyEntry(above, j, words, n++, below.files.length);
    } else if (p <= q && sizeAt(below, i) > 0) {
      pgnos[n] = p;
      copyEntry(below, i, words, n++, 0);
    }
    if (p <= q) i += 1;
    if (q <= p) j += 1;
  }
  const used = words.subarray(0, n * WORDS);
  return densest(prune(files, used).files, pgnos.subarray(0, n), used);
}

/** Slots of a layer at or below its bound. */
function endOf({ layer, bound }: Bounded): number {
  let end = slotsOf(layer);
  if (layer.pgnos === undefined) return Math.min(end, bound);
  while (end > 0 && (layer.pgnos[end - 1] ?? 0) > bound) end -= 1;
  return end;
}

function copyEntry(from: IndexLayer, entry: number, words: Uint32Array, slot: number, fileShift: number): void {
  const w = entry * WORDS;
  words[slot * WORDS] = from.words[w] ?? 0;
  words[slot * WORDS + 1] = from.words[w + 1] ?? 0;
  words[slot * WORDS + 2] = (from.words[w + 2] ?? 0) + fileShift;
}

/** Renumbers the files of the entries, in place, so that those without an entry can be left out; counts the entries. */
function prune(files: readonly ReplicaFile[], words: Uint32Array): { readonly files: readonly ReplicaFile[]; readonly count: number } {
  const renumbered = new Int32Array(files.length).fill(-1);
  const kept: ReplicaFile[] = [];
  let count = 0;
  for (let w = 0; w < words.length; w += WORDS) {
    if (((words[w + 1] ?? 0) & (FRAME_SIZE_LIMIT - 1)) === 0) continue;
    count += 1;
    const file = words[w + 2] ?? 0;
    if (renumbered[file] === -1) renumbered[file] = kept.push(files[file] as ReplicaFile) - 1;
    words[w + 2] = renumbered[file] ?? 0;
  }
  return { files: kept, count };
}

/** A dense layer costs 12 bytes a slot, a sparse one 16 an entry. */
function isDense(count: number, slots: number): boolean {
  return count * 16 >= slots * 12;
}

/** The form that takes less memory. None of the entries is empty; both arrays are copied unless they fit exactly. */
function densest(files: readonly ReplicaFile[], pgnos: Uint32Array, words: Uint32Array): IndexLayer {
  const count = pgnos.length;
  const slots = pgnos[count - 1] ?? 0;
  if (!isDense(count, slots)) return { files, pgnos: exact(pgnos), words: exact(words), count };
  if (slots === count) return { files, pgnos: undefined, words: exact(words), count };
  const dense = new Uint32Array(slots * WORDS);
  for (let i = 0; i < count; i += 1) dense.set(words.subarray(i * WORDS, (i + 1) * WORDS), ((pgnos[i] ?? 1) - 1) * WORDS);
  return { files, pgnos: undefined, words: dense, count };
}

/** The array itself, or a copy where it is a view of something larger. */
function exact(array: Uint32Array): Uint32Array {
  return array.byteLength === array.buffer.byteLength ? array : array.slice();
}
