import { isPageSize, OptionError, type Pgno } from "@headwater/core";
import { decodeLz4Frame, measureLz4Frame } from "./codec/lz4-frame.js";
import { destination, source, wasm } from "./codec/wasm.js";
import { LtxCorruptError } from "./errors.js";
import { PAGE_HEADER_SIZE } from "./header.js";
import { FRAME_SIZE_MAX } from "./page-index.js";

/** A size field follows the page header, and the data is an LZ4 block. Without it the data is an LZ4 frame. */
const FLAG_SIZE = 1;
/** Page header and size prefix. */
export const PREFIX_SIZE: number = PAGE_HEADER_SIZE + 4;

/** One page of a file. */
export interface Page {
  readonly pgno: Pgno;
  readonly data: Uint8Array;
}

/** The longest LZ4 block that a page of this size can need: all literals. A longer one can't be valid. */
function blockSizeMax(pageSize: number): number {
  return pageSize + Math.floor(pageSize / 255) + 16;
}

function u32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

/**
 * How long the frame at `offset` is. Looks at sizes only, and does not read beyond `end`.
 * @returns Its length in bytes when all of it lies before `end`, 0 for the empty page header that ends a page block, else
 *   minus the number of bytes needed to go on.
 * @throws {LtxCorruptError} for unknown flags and for sizes that no page of this size can have.
 */
export function measurePageFrame(bytes: Uint8Array, offset: number, end: number, pageSize: number): number {
  if (end - offset < PAGE_HEADER_SIZE) return -PAGE_HEADER_SIZE;
  const pgno = u32(bytes, offset);
  const flags = ((bytes[offset + 4] ?? 0) << 8) | (bytes[offset + 5] ?? 0);
  if ((flags & ~FLAG_SIZE) !== 0)
    throw new LtxCorruptError("page-frame", `unknown page header flags pgno=${pgno} flags=0x${flags.toString(16)}`);
  if (pgno === 0) {
    if (flags === 0) return 0;
    throw new LtxCorruptError("page-frame", `page header without a page number flags=0x${flags.toString(16)}`);
  }
  if (flags === 0) {
    const size = measureLz4Frame(bytes, offset + PAGE_HEADER_SIZE, end, FRAME_SIZE_MAX - 2 * PREFIX_SIZE);
    return size > 0 ? size + PAGE_HEADER_SIZE : size - PAGE_HEADER_SIZE;
  }
  if (end - offset < PREFIX_SIZE) return -PREFIX_SIZE;
  const size = u32(bytes, offset + PAGE_HEADER_SIZE);
  if (size === 0 || size > blockSizeMax(pageSize))
    throw new LtxCorruptError("page-frame", `compressed size can't be that of a page pgno=${pgno} size=${size} pageSize=${pageSize}`);
  return end - offset >= PREFIX_SIZE + size ? PREFIX_SIZE + size : -(PREFIX_SIZE + size);
}

/**
 * Decodes the frame at `offset`, whose measured length is `size`, to the codec's destination buffer, and leaves its
 * page header and size prefix at the start of the source buffer: what the file checksum covers.
 * @returns Bytes of page header and size prefix.
 */
export function loadPageFrame(bytes: Uint8Array, offset: number, size: number, pageSize: number): number {
  if (((bytes[offset + 5] ?? 0) & FLAG_SIZE) === 0) {
    decodeLz4Frame(bytes, offset + PAGE_HEADER_SIZE, pageSize);
    source.set(bytes.subarray(offset, offset + PAGE_HEADER_SIZE));
    return PAGE_HEADER_SIZE;
  }
  source.set(bytes.subarray(offset, offset + size));
  const n = wasm.decode(PREFIX_SIZE, size - PREFIX_SIZE, 0, pageSize, false);
  if (n !== pageSize) {
    const what = n < 0 ? "malformed LZ4 block, or longer than a page" : `LZ4 block holds ${n} bytes`;
    throw new LtxCorruptError("page-frame", `${what} pgno=${u32(bytes, offset)} pageSize=${pageSize}`);
  }
  return PREFIX_SIZE;
}

/** Copies the page that {@link loadPageFrame} decoded out of the codec. */
export function copyDecodedPage(pageSize: number, into?: Uint8Array): Uint8Array {
  if (into === undefined) return destination.slice(0, pageSize);
  if (into.length !== pageSize)
    throw new OptionError("BAD_OPTION", `page buffer has the wrong size length=${into.length} pageSize=${pageSize}`);
  into.set(destination.subarray(0, pageSize));
  return into;
}

/** What a page frame's first four bytes say. */
export function framePgno(bytes: Uint8Array, offset: number): Pgno {
  return u32(bytes, offset) as Pgno;
}

/** True for a frame whose data is an LZ4 block: the kind that is written today. */
export function isBlockFrame(frame: Uint8Array): boolean {
  return ((frame[5] ?? 0) & FLAG_SIZE) !== 0;
}

/**
 * Decodes the page frame at `offset` of `bytes`. One frame alone has no checksum: what is checked is its shape.
 *
 * @param into - Takes the page, if given; it must be `pageSize` long. Otherwise `data` is fresh.
 * @returns The page, and `size`: how many bytes the frame takes.
 * @throws {LtxCorruptError} `LTX_CORRUPT` if the frame is cut, has an unknown flag, or does not decompress to exactly
 *   `pageSize` bytes; also for the empty page header that ends a page block.
 */
export function decodePageFrame(
  bytes: Uint8Array,
  offset: number,
  pageSize: number,
  into?: Uint8Array,
): { pgno: Pgno; data: Uint8Array; size: number } {
  if (!isPageSize(pageSize)) throw new OptionError("BAD_OPTION", `not a page size pageSize=${pageSize}`);
  if (!Number.isInteger(offset) || offset < 0 || offset > bytes.length)
    throw new OptionError("BAD_OPTION", `offset is outside of the bytes offset=${offset} length=${bytes.length}`);
  const size = measurePageFrame(bytes, offset, bytes.length, pageSize);
  if (size === 0) throw new LtxCorruptError("page-frame", `end of the page block where a page frame should be offset=${offset}`);
  if (size < 0) throw new LtxCorruptError("length", `page frame is cut need=${-size} have=${bytes.length - offset}`);
  loadPageFrame(bytes, offset, size, pageSize);
  return { pgno: framePgno(bytes, offset), data: copyDecodedPage(pageSize, into), size };
}
