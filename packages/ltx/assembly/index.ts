/** What JavaScript calls. Offsets are relative to the source or the destination buffer; see layout.ts. */
import { combine, update } from "./crc64";
import { DST_AT, DST_SIZE, SRC_AT, SRC_SIZE } from "./layout";
import { decodeBlock } from "./lz4-decode";
import { encodeBlock, raiseBase } from "./lz4-encode";
import { xxh32 } from "./xxh32";

/** 0: address of the source buffer, 1: its size, 2: address of the destination buffer, 3: its size. */
export function layout(which: i32): usize {
  if (which == 0) return SRC_AT;
  if (which == 1) return SRC_SIZE;
  return which == 2 ? DST_AT : DST_SIZE;
}

/**
 * Decodes the block at `srcOffset` of the source buffer behind the first `dstOffset` bytes of the destination buffer.
 * With `linked`, matches may reach back into those. Returns the bytes written, or -1.
 */
export function decode(srcOffset: u32, srcLength: u32, dstOffset: u32, dstCapacity: u32, linked: bool): i32 {
  const dst = DST_AT + dstOffset;
  const end = decodeBlock(SRC_AT + srcOffset, srcLength, dst, dst + dstCapacity, linked ? DST_AT : dst);
  return end == 0 ? -1 : <i32>(end - dst);
}

/** Compresses `length` bytes at `srcOffset` of the source buffer into the destination buffer. Returns the compressed size. */
export function encode(srcOffset: u32, length: u32): i32 {
  return <i32>(encodeBlock(SRC_AT + srcOffset, length, DST_AT) - DST_AT);
}

/** CRC state (inverted) over bytes of the source buffer. */
export function crcSource(state: u64, srcOffset: u32, length: u32): u64 {
  return update(state, SRC_AT + srcOffset, length);
}

/** CRC state (inverted) over the first bytes of the destination buffer. */
export function crcDestination(state: u64, length: u32): u64 {
  return update(state, DST_AT, length);
}

/** CRC state (inverted) over the start of the source buffer and then the start of the destination buffer: one page frame. */
export function crcFrame(state: u64, srcLength: u32, dstLength: u32): u64 {
  return update(update(state, SRC_AT, srcLength), DST_AT, dstLength);
}

export function crcCombine(a: u64, b: u64, lengthOfB: u64): u64 {
  return combine(a, b, lengthOfB);
}

export function hashSource(srcOffset: u32, length: u32): u32 {
  return xxh32(SRC_AT + srcOffset, length);
}

export function hashDestination(dstOffset: u32, length: u32): u32 {
  return xxh32(DST_AT + dstOffset, length);
}

export function raiseEncoderBase(to: u32): void {
  raiseBase(to);
}
