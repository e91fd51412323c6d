import { PAGE_HEADER_SIZE } from "@headwater/ltx";
import { type BtreePage, PAGE_SIZE } from "./btree-page.js";

const PREFIX_SIZE = PAGE_HEADER_SIZE + 4;
const MATCH_MIN = 4;

/** Bytes that a length takes beyond its four bits in the token. @see LZ4 block format, "Sequences" */
const extraOf = (length: number): number => (length < 15 ? 0 : 1 + Math.floor((length - 15) / 255));

/**
 * Size of a page's frame: page header, size prefix, and an LZ4 block that writes out everything but the zeros in the middle.
 * A compressor would find more; but this one's sizes can be told without the page, which is what a huge index needs.
 */
export function frameSize(zerosFrom: number, zerosTo: number): number {
  const literals = zerosFrom + 1;
  const match = zerosTo - literals;
  const rest = PAGE_SIZE - zerosTo;
  return PREFIX_SIZE + 1 + extraOf(literals) + literals + 2 + extraOf(match - MATCH_MIN) + 1 + extraOf(rest) + rest;
}

export function encodeFrame(pgno: number, page: BtreePage): Uint8Array {
  const { bytes, zerosFrom, zerosTo } = page;
  const frame = Buffer.alloc(frameSize(zerosFrom, zerosTo));
  frame.writeUInt32BE(pgno, 0);
  frame.writeUInt16BE(1, 4); // a size prefix follows
  frame.writeUInt32BE(frame.length - PREFIX_SIZE, PAGE_HEADER_SIZE);
  let at = PREFIX_SIZE;
  const literals = zerosFrom + 1; // the first zero is what the match repeats
  const match = zerosTo - literals - MATCH_MIN;
  frame[at++] = (Math.min(15, literals) << 4) | Math.min(15, match);
  at = putExtra(frame, at, literals);
  frame.set(bytes.subarray(0, literals), at);
  at += literals;
  frame.writeUInt16LE(1, at);
  at = putExtra(frame, at + 2, match);
  const rest = PAGE_SIZE - zerosTo;
  frame[at++] = Math.min(15, rest) << 4;
  at = putExtra(frame, at, rest);
  frame.set(bytes.subarray(zerosTo), at);
  return frame;
}

function putExtra(frame: Uint8Array, start: number, length: number): number {
  if (length < 15) return start;
  let at = start;
  let left = length - 15;
  for (; left >= 255; left -= 255) frame[at++] = 255;
  frame[at++] = left;
  return at;
}
