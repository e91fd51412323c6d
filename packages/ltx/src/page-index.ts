import { runToEnd, type Steps } from "@headwater/core";
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
export const FRAME_SIZE_MIN = 11;
/** No frame of a 65536-byte page is longer, whatever its encoding. */
export const FRAME_SIZE_MAX = 131_072;
const SIZE_FIELD = 8;
/** Header, empty page header, an index of one zero byte, its size, trailer. */
export const FILE_SIZE_MIN: number = HEADER_SIZE + PAGE_HEADER_SIZE + 1 + SIZE_FIELD + TRAILER_SIZE;

/** Collects the frames of a file as they are written or read. */
export class PageIndexBuilder {
  #count = 0;
  #pgnos: Uint32Array;
  #offsets: Float64Array;
  #sizes: Uint32Array;

  constructor(capacity = 64) {
    this.#pgnos = new Uint32Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#sizes = new Uint32Array(capacity);
  }

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
    const capacity = Math.max(64, this.#pgnos.length * 2);
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
  return runToEnd(encodePageIndexSteps(index));
}

/** Entries that are encoded or decoded before others get a turn: well under a millisecond. */
export const ENTRIES_PER_STEP = 16_384;

/** {@link encodePageIndex} that yields after every `entriesPerStep` entries. */
export function* encodePageIndexSteps(index: PageIndex, entriesPerStep: number = ENTRIES_PER_STEP): Steps<Uint8Array> {
  let length = 1;
  for (let i = 0; i < index.count; i += 1) {
    length += varintLength(index.pgnos[i] ?? 0) + varintLength(index.offsets[i] ?? 0) + varintLength(index.sizes[i] ?? 0);
    if ((i + 1) % entriesPerStep === 0) yield;
  }
  const bytes = new Uint8Array(length + SIZE_FIELD);
  let at = 0;
  for (let i = 0; i < index.count; i += 1) {
    at = putVarint(bytes, at, index.pgnos[i] ?? 0);
    at = putVarint(bytes, at, index.offsets[i] ?? 0);
    at = putVarint(bytes, at, index.sizes[i] ?? 0);
    if ((i + 1) % entriesPerStep === 0) yield;
  }
  new DataView(bytes.buffer).setBigUint64(length, BigInt(length));
  return bytes;
}

function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  return 4 + varintLength(Math.floor(value / 0x10000000));
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Bit operations work on 32 bits only: split larger numbers after four times seven.
  if (rest >= 0x10000000) {
    let low = rest % 0x10000000;
    rest = Math.floor(rest / 0x10000000);
    for (let i = 0; i < 4; i += 1, low >>>= 7) bytes[at++] = (low & 0x7f) | 0x80;
    if (rest >= 0x10000000) return putVarint(bytes, at, rest);
  }
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** What {@link decodeTail} found, or how much more of the file's end it needs. */
export type DecodedTail =
  | {
      readonly kind: "ok";
      readonly trailer: Trailer;
      readonly index: PageIndex /** Byte offset of the page index. */;
      readonly indexOffset: number;
    }
  | { readonly kind: "need" /** Length of the tail to come back with; never more than the file. */; readonly bytes: number };

/**
 * Decodes trailer and page index from the last bytes of a file.
 *
 * @param tail - The last bytes of the file, at least 24 (or "need" is the answer); more than needed does no harm.
 * @param fileSize - Of the whole file, in bytes.
 * @returns "need" at most twice: for the size field, then for the index.
 * @throws {LtxCorruptError} `LTX_CORRUPT` unless the pgnos ascend and the frames fill the page block without a gap.
 */
export function decodeTail(tail: Uint8Array, fileSize: number): DecodedTail {
  return runToEnd(decodeTailSteps(tail, fileSize, Number.POSITIVE_INFINITY));
}

/**
 * {@link decodeTail} that yields after every `entriesPerStep` entries, for callers that must not be busy for long: the
 * index of a database of 1 GB in pages of 4 KB takes about ten milliseconds.
 */
export function* decodeTailSteps(tail: Uint8Array, fileSize: number, entriesPerStep: number = ENTRIES_PER_STEP): Steps<DecodedTail> {
  check(fileSize >= FILE_SIZE_MIN, "length", `too short for an LTX file fileSize=${fileSize}`);
  check(tail.length <= fileSize, "length", `tail is longer than the file tail=${tail.length} fileSize=${fileSize}`);
  const fixed = SIZE_FIELD + TRAILER_SIZE;
  if (tail.length < fixed) return { kind: "need", bytes: fixed };
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const indexSize = Number(view.getBigUint64(tail.length - fixed));
  const room = fileSize - HEADER_SIZE - PAGE_HEADER_SIZE - fixed;
  check(
    indexSize >= 1 && indexSize <= room,
    "page-index",
    `page index does not fit into the file indexSize=${indexSize} fileSize=${fileSize}`,
  );
  const need = PAGE_HEADER_SIZE + indexSize + fixed;
  if (tail.length < need) return { kind: "need", bytes: need };
  const trailer = decodeTrailer(tail);
  const end = tail.length - fixed;
  const start = end - indexSize;
  for (let i = start - PAGE_HEADER_SIZE; i < start; i += 1) {
    if (tail[i] !== 0) throw new LtxCorruptError("page-index", `no empty page header before the page index offset=${fileSize - need}`);
  }
  const indexOffset = fileSize - indexSize - fixed;
  const decoding = new PageIndexDecoding(tail.subarray(start, end), indexOffset);
  while (!decoding.step(entriesPerStep)) yield;
  return { kind: "ok", trailer, index: decoding.index(), indexOffset };
}

/** Decodes the entries, `bytes` being all of them with the terminating zero. */
class PageIndexDecoding {
  readonly #reader: VarintReader;
  readonly #builder: PageIndexBuilder;
  readonly #indexOffset: number;
  #previous = 0;
  #offset = HEADER_SIZE;

  constructor(bytes: Uint8Array, indexOffset: number) {
    this.#reader = new VarintReader(bytes);
    // Entries rarely take less than 8 bytes, and never less than 3: the memory is bounded by the input either way.
    this.#builder = new PageIndexBuilder(Math.ceil(bytes.length / 8));
    this.#indexOffset = indexOffset;
  }

  /** Decodes so many entries; true at the end. */
  step(entries: number): boolean {
    const [reader, builder] = [this.#reader, this.#builder];
    let [previous, offset] = [this.#previous, this.#offset];
    for (let i = 0; i < entries; i += 1) {
      // Behind the last byte come zeros; each of them is an error in the place of an offset or a size.
      const pgno = reader.next();
      if (pgno === 0) return this.#end(offset);
      const at = reader.next();
      const size = reader.next();
      if (pgno <= previous || pgno > 0xfffffffe)
        throw new LtxCorruptError("page-index", `page index is not in ascending order pgno=${pgno} after=${previous}`);
      if (at !== offset || size < FRAME_SIZE_MIN || size > FRAME_SIZE_MAX) {
        throw new LtxCorruptError(
          "page-index",
          `page index has a frame out of place pgno=${pgno} offset=${at} size=${size} expected=${offset}`,
        );
      }
      builder.add(pgno, at, size);
      previous = pgno;
      offset += size;
    }
    [this.#previous, this.#offset] = [previous, offset];
    return false;
  }

  #end(offset: number): true {
    check(this.#reader.atEnd, "page-index", `page index is not terminated where it ends indexOffset=${this.#indexOffset}`);
    check(
      offset + PAGE_HEADER_SIZE === this.#indexOffset,
      "page-index",
      `page index does not cover the page block covered=${offset} end=${this.#indexOffset - PAGE_HEADER_SIZE}`,
    );
    return true;
  }

  index(): PageIndex {
    return this.#builder.build();
  }
}

/** Reads unsigned varints (7 bits a byte, low ones first) in their shortest form; zeros behind the end. */
class VarintReader {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The end was reached, and not gone beyond. */
  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  next(): number {
    const bytes = this.bytes;
    let at = this.at;
    let byte = bytes[at++] ?? 0;
    let value = byte & 0x7f;
    if (byte >= 0x80) {
      for (let shift = 7; shift < 28; shift += 7) {
        byte = bytes[at++] ?? 0;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (byte >= 0x80) {
        value = this.large(value, at);
        at = this.at;
      } else if (byte === 0) throw notShortest(at);
    }
    this.at = at;
    return value;
  }

  /** Goes on behind four bytes. */
  private large(low: number, start: number): number {
    let value = low;
    let at = start;
    let byte = 0x80;
    for (let scale = 0x10000000; byte >= 0x80; scale *= 128) {
      byte = this.bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 60)
        throw new LtxCorruptError("page-index", `number in the page index is too large at=${at}`);
    }
    if (byte === 0) throw notShortest(at);
    this.at = at;
    return value;
  }
}

function notShortest(at: number): LtxCorruptError {
  return new LtxCorruptError("page-index", `number in the page index is not in its shortest form at=${at}`);
}
