import { check, LtxCorruptError } from "./errors.js";
import { HEADER_SIZE, PAGE_HEADER_SIZE, TRAILER_SIZE } from "./header.js";
import { decodeTrailer, type Trailer } from "./trailer.js";

/** Where each page frame is, in file order, which is that of the pgnos. Struct of arrays: 16 bytes a page. */
export interface PageIndex {
  readonly count: number;
  readonly pgnos: Uint32Array;
  /** Byte offset of the page header in the file. */
  readonly offsets: Float64Array;
  /** Bytes of page header, size prefix and compressed data together. */
  readonly sizes: Uint32Array;
}

/** Page header, size prefix and the shortest compressed data: no frame is shorter. */
const FRAME_SIZE_MIN = 11;
/** No frame of a 65536-byte page is longer, whatever its encoding. */
export const FRAME_SIZE_MAX = 131_072;
const SIZE_FIELD = 8;
/** Header, empty page header, an index of one zero byte, its size, trailer. */
export const FILE_SIZE_MIN: number = HEADER_SIZE + PAGE_HEADER_SIZE + 1 + SIZE_FIELD + TRAILER_SIZE;

/** Collects the frames of a file as they are written or read. */
export class PageIndexBuilder {
  #count = 0;
  #pgnos = new Uint32Array(64);
  #offsets = new Float64Array(64);
  #sizes = new Uint32Array(64);

  get count(): number {
    return this.#count;
  }

  add(pgno: number, offset: number, size: number): void {
    if (this.#count === this.#pgnos.length) this.#grow();
    this.#pgnos[this.#count] = pgno;
    this.#offsets[this.#count] = offset;
    this.#sizes[this.#count] = size;
    this.#count += 1;
  }

  #grow(): void {
    const capacity = this.#pgnos.length * 2;
    const [pgnos, offsets, sizes] = [new Uint32Array(capacity), new Float64Array(capacity), new Uint32Array(capacity)];
    pgnos.set(this.#pgnos);
    offsets.set(this.#offsets);
    sizes.set(this.#sizes);
    this.#pgnos = pgnos;
    this.#offsets = offsets;
    this.#sizes = sizes;
  }

  build(): PageIndex {
    const count = this.#count;
    return { count, pgnos: this.#pgnos.slice(0, count), offsets: this.#offsets.slice(0, count), sizes: this.#sizes.slice(0, count) };
  }
}

/** Encodes the index with its terminating zero and its size field: everything between the page block and the trailer. */
export function encodePageIndex(index: PageIndex): Uint8Array {
  let length = 1;
  for (let i = 0; i < index.count; i += 1) {
    length += varintLength(index.pgnos[i] ?? 0) + varintLength(index.offsets[i] ?? 0) + varintLength(index.sizes[i] ?? 0);
  }
  const bytes = new Uint8Array(length + SIZE_FIELD);
  let at = 0;
  for (let i = 0; i < index.count; i += 1) {
    at = putVarint(bytes, at, index.pgnos[i] ?? 0);
    at = putVarint(bytes, at, index.offsets[i] ?? 0);
    at = putVarint(bytes, at, index.sizes[i] ?? 0);
  }
  new DataView(bytes.buffer).setBigUint64(length, BigInt(length));
  return bytes;
}

function varintLength(value: number): number {
  let n = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) n += 1;
  return n;
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 0x80000000; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
  for (; rest >= 128; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** What {@link decodeTail} found, or how much more of the file's end it needs. */
export type DecodedTail =
  | { readonly kind: "ok"; readonly trailer: Trailer; readonly index: PageIndex; /** Byte offset of the page index. */ readonly indexOffset: number }
  | { readonly kind: "need"; /** Length of the tail to come back with; never more than the file. */ readonly bytes: number };

/**
 * Decodes trailer and page index from the last bytes of a file.
 *
 * @param tail - The last bytes of the file, at least 24 (or "need" is the answer); more than needed does no harm.
 * @param fileSize - Of the whole file, in bytes.
 * @returns "need" at most twice: for the size field, then for the index.
 * @throws {LtxCorruptError} `LTX_CORRUPT` unless the pgnos ascend and the frames fill the page block without a gap.
 */
export function decodeTail(tail: Uint8Array, fileSize: number): DecodedTail {
  check(fileSize >= FILE_SIZE_MIN, "length", `too short for an LTX file fileSize=${fileSize}`);
  check(tail.length <= fileSize, "length", `tail is longer than the file tail=${tail.length} fileSize=${fileSize}`);
  const fixed = SIZE_FIELD + TRAILER_SIZE;
  if (tail.length < fixed) return { kind: "need", bytes: fixed };
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const indexSize = Number(view.getBigUint64(tail.length - fixed));
  const room = fileSize - HEADER_SIZE - PAGE_HEADER_SIZE - fixed;
  check(indexSize >= 1 && indexSize <= room, "page-index", `page index does not fit into the file indexSize=${indexSize} fileSize=${fileSize}`);
  const need = PAGE_HEADER_SIZE + indexSize + fixed;
  if (tail.length < need) return { kind: "need", bytes: need };
  const trailer = decodeTrailer(tail);
  const end = tail.length - fixed;
  const start = end - indexSize;
  for (let i = start - PAGE_HEADER_SIZE; i < start; i += 1) {
    if (tail[i] !== 0) throw new LtxCorruptError("page-index", `no empty page header before the page index offset=${fileSize - need}`);
  }
  const indexOffset = fileSize - indexSize - fixed;
  return { kind: "ok", trailer, index: decodePageIndex(tail.subarray(start, end), indexOffset), indexOffset };
}

/** Decodes the entries, `bytes` being all of them with the terminating zero. */
function decodePageIndex(bytes: Uint8Array, indexOffset: number): PageIndex {
  // Each varint ends with the only byte of it that is below 128: counting those bounds the memory by the input.
  let varints = 0;
  for (const byte of bytes) if (byte < 0x80) varints += 1;
  check(varints % 3 === 1 && bytes[bytes.length - 1] === 0, "page-index", `page index is not terminated bytes=${bytes.length}`);
  const count = (varints - 1) / 3;
  const index = { count, pgnos: new Uint32Array(count), offsets: new Float64Array(count), sizes: new Uint32Array(count) };
  const reader = new VarintReader(bytes);
  let previous = 0;
  let offset = HEADER_SIZE;
  for (let i = 0; i < count; i += 1) {
    const pgno = reader.next();
    const at = reader.next();
    const size = reader.next();
    if (pgno <= previous || pgno > 0xfffffffe) throw new LtxCorruptError("page-index", `page index is not in ascending order pgno=${pgno} after=${previous}`);
    if (at !== offset || size < FRAME_SIZE_MIN || size > FRAME_SIZE_MAX) {
      throw new LtxCorruptError("page-index", `page index has a frame out of place pgno=${pgno} offset=${at} size=${size} expected=${offset}`);
    }
    index.pgnos[i] = previous = pgno;
    index.offsets[i] = at;
    index.sizes[i] = size;
    offset += size;
  }
  check(offset + PAGE_HEADER_SIZE === indexOffset, "page-index", `page index does not cover the page block covered=${offset} end=${indexOffset - PAGE_HEADER_SIZE}`);
  return index;
}

/** Reads unsigned varints (7 bits a byte, low ones first) in their shortest form. The caller counted them. */
class VarintReader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at++] ?? 0;
    let value = byte & 0x7f;
    let shift = 7;
    for (; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
    }
    for (let scale = 2 ** shift; byte >= 0x80; scale *= 128) {
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new LtxCorruptError("page-index", `number in the page index is too large at=${this.#at}`);
    }
    if (byte === 0 && at - this.#at > 1) throw new LtxCorruptError("page-index", `number in the page index is not in its shortest form at=${this.#at}`);
    this.#at = at;
    return value;
  }
}
