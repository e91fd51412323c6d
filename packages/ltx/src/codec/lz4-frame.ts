/**
 * LZ4 frames: the encoding of page data in files written before page headers had a size. One frame holds one page.
 * @see lz4/doc/lz4_Frame_format.md
 */
import { LtxCorruptError } from "../errors.js";
import { destination, source, wasm } from "./wasm.js";

const MAGIC = 0x184d2204;
const BLOCK_STORED = 0x80000000;
/** A page fits into one block; writers that flush often may use several. This bounds the work spent on hostile frames. */
const BLOCKS_MAX = 1024;
const BLOCK_SIZES = [65_536, 262_144, 1_048_576, 4_194_304] as const;

interface FrameHeader {
  readonly length: number;
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly blockSizeMax: number;
  readonly contentSize: number | undefined;
}

function fail(what: string, offset: number): never {
  throw new LtxCorruptError("page-frame", `malformed LZ4 frame: ${what} offset=${offset}`);
}

/** The length of the frame header whose first 5 bytes are at `at`, checked as far as those go. */
function headerLength(bytes: Uint8Array, at: number): number {
  if (u32(bytes, at) !== MAGIC) fail("bad magic", at);
  const flags = bytes[at + 4] ?? 0;
  if (flags >> 6 !== 1) fail("unknown version", at);
  if ((flags & 0x02) !== 0) fail("reserved flag", at);
  if ((flags & 0x01) !== 0) fail("needs a dictionary", at);
  return 7 + ((flags & 0x08) !== 0 ? 8 : 0);
}

function parseHeader(bytes: Uint8Array, at: number): FrameHeader {
  const length = headerLength(bytes, at);
  const flags = bytes[at + 4] ?? 0;
  const descriptor = bytes[at + 5] ?? 0;
  const sizeCode = (descriptor >> 4) & 7;
  const blockSizeMax = BLOCK_SIZES[sizeCode - 4];
  if (blockSizeMax === undefined || (descriptor & 0x8f) !== 0) fail("bad block size", at);
  source.set(bytes.subarray(at + 4, at + length - 1));
  if (((wasm.hashSource(0, length - 5) >>> 8) & 0xff) !== bytes[at + length - 1]) fail("header checksum differs", at);
  const hasSize = (flags & 0x08) !== 0;
  return {
    length,
    linked: (flags & 0x20) === 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    blockSizeMax,
    contentSize: hasSize ? u32(bytes, at + 6) + u32(bytes, at + 10) * 2 ** 32 : undefined,
  };
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

/**
 * How long the frame at `at` is. Looks at sizes only.
 * @returns Its length in bytes when all of it lies before `end`, else minus the number of bytes needed to go on.
 * @throws `LTX_CORRUPT` for a frame that can't hold one page.
 */
export function measureLz4Frame(bytes: Uint8Array, at: number, end: number, sizeMax: number): number {
  if (end - at < 7) return -7;
  const header = headerLength(bytes, at);
  const flags = bytes[at + 4] ?? 0;
  const perBlock = (flags & 0x10) !== 0 ? 8 : 4;
  let pos = at + header;
  for (let blocks = 0; ; blocks += 1) {
    if (pos - at > sizeMax || blocks > BLOCKS_MAX) fail("too long for a page", at);
    if (end - pos < 4) return -(pos + 4 - at);
    const size = u32(bytes, pos) & ~BLOCK_STORED;
    if (u32(bytes, pos) === 0) break;
    pos += perBlock + (size >>> 0);
  }
  pos += (flags & 0x04) !== 0 ? 8 : 4;
  return pos <= end ? pos - at : -(pos - at);
}

/**
 * Decodes the frame at `at`, all of which is there (see {@link measureLz4Frame}), to the codec's destination buffer.
 * Header, block and content checksums are checked where the frame has them.
 */
export function decodeLz4Frame(bytes: Uint8Array, at: number, pageSize: number): void {
  const header = parseHeader(bytes, at);
  if (header.contentSize !== undefined && header.contentSize !== pageSize) fail("content size is not the page size", at);
  let pos = at + header.length;
  let written = 0;
  for (let word = u32(bytes, pos); word !== 0; word = u32(bytes, pos)) {
    const size = (word & ~BLOCK_STORED) >>> 0;
    pos += 4;
    if (size > header.blockSizeMax || size > source.length) fail("block too large", pos);
    source.set(bytes.subarray(pos, pos + size));
    written += word >= BLOCK_STORED ? copyStored(size, written, pageSize, pos) : decodeOne(size, written, pageSize, header, pos);
    pos += size;
    if (header.blockChecksums) {
      if (wasm.hashSource(0, size) >>> 0 !== u32(bytes, pos)) fail("block checksum differs", pos);
      pos += 4;
    }
  }
  pos += 4;
  if (written !== pageSize) fail(`holds ${written} bytes, not a page of ${pageSize}`, at);
  if (header.contentChecksum && wasm.hashDestination(0, written) >>> 0 !== u32(bytes, pos)) fail("content checksum differs", pos);
}

function copyStored(size: number, written: number, pageSize: number, pos: number): number {
  if (size > pageSize - written) fail("longer than a page", pos);
  destination.set(source.subarray(0, size), written);
  return size;
}

function decodeOne(size: number, written: number, pageSize: number, header: FrameHeader, pos: number): number {
  const n = wasm.decode(0, size, written, Math.min(pageSize - written, header.blockSizeMax), header.linked);
  if (n < 0) fail("bad block", pos);
  return n;
}
