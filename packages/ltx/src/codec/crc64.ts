import type { Pgno, Steps } from "@headwater/core";
import { source, wasm } from "./wasm.js";

/** The state before the first byte. States are inverted CRCs; `-1n` is all ones. */
export const CRC_START = -1n;

/** The checksum flag: set in every LTX checksum, so that none is zero. */
export const CHECKSUM_FLAG: bigint = 1n << 63n;

/** Advances a state over `bytes`, in pieces of the codec's source buffer. */
export function crcUpdate(state: bigint, bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length <= source.length) {
    source.set(bytes);
    return wasm.crcSource(state, 0, length);
  }
  let s = state;
  for (let at = 0; at < length; at += source.length) {
    const piece = bytes.subarray(at, at + source.length);
    source.set(piece);
    s = wasm.crcSource(s, 0, piece.length);
  }
  return s;
}

const BYTES_PER_STEP = 512 * 1024;

/** {@link crcUpdate} that yields after every half a megabyte: a third of a millisecond. */
export function* crcUpdateSteps(state: bigint, bytes: Uint8Array): Steps<bigint> {
  let s = state;
  for (let at = 0; at < bytes.length; at += BYTES_PER_STEP) {
    if (at > 0) yield;
    s = crcUpdate(s, bytes.subarray(at, at + BYTES_PER_STEP));
  }
  return s;
}

/** The CRC that a state stands for, unsigned. */
export function crcDigest(state: bigint): bigint {
  return BigInt.asUintN(64, ~state);
}

/** An LTX checksum from a CRC state: the flag set. */
export function checksumOf(state: bigint): bigint {
  return crcDigest(state) | CHECKSUM_FLAG;
}

/** CRC-64/ISO over bytes that arrive in pieces. `digest` may be called at any time and changes nothing. */
export class Crc64 {
  #state: bigint;

  /** @param seed - The CRC of what came before. */
  constructor(seed: bigint = 0n) {
    this.#state = ~seed;
  }

  update(bytes: Uint8Array): void {
    this.#state = crcUpdate(this.#state, bytes);
  }

  digest(): bigint {
    return crcDigest(this.#state);
  }
}

/** CRC-64/ISO of `bytes`; with `seed`, the CRC of what came before, that of both together. */
export function crc64(bytes: Uint8Array, seed: bigint = 0n): bigint {
  return crcDigest(crcUpdate(~seed, bytes));
}

/**
 * The CRC of A followed by B, from the CRC of A, the CRC of B and the length of B in bytes. Both must be whole CRCs:
 * the file checksum of an LTX file is none, since the checksum flag hides its top bit.
 */
export function combineCrc64(a: bigint, b: bigint, lengthOfB: number): bigint {
  if (!Number.isSafeInteger(lengthOfB) || lengthOfB < 0) throw new RangeError(`length out of range: ${lengthOfB}`);
  return BigInt.asUintN(64, wasm.crcCombine(a, b, BigInt(lengthOfB)));
}

/**
 * The checksum of one page: CRC-64/ISO over the page number (4 bytes, big-endian) and the page, with the checksum flag.
 * The checksum of a database is the XOR of those of its pages, the lock page excepted, again with the flag.
 */
export function pageChecksum(pgno: Pgno, data: Uint8Array): bigint {
  return checksumOf(pageCrc(pgno, data));
}

function pageCrc(pgno: number, data: Uint8Array): bigint {
  putPgno(pgno);
  if (data.length > source.length - 4) return crcUpdate(wasm.crcSource(CRC_START, 0, 4), data);
  source.set(data, 4);
  return wasm.crcSource(CRC_START, 0, data.length + 4);
}

function putPgno(pgno: number): void {
  source[0] = pgno >>> 24;
  source[1] = pgno >>> 16;
  source[2] = pgno >>> 8;
  source[3] = pgno;
}

/** {@link pageChecksum} of the page that the codec decoded last. Overwrites the start of the source buffer. */
export function decodedPageChecksum(pgno: number, pageSize: number): bigint {
  putPgno(pgno);
  return checksumOf(wasm.crcDestination(wasm.crcSource(CRC_START, 0, 4), pageSize));
}
