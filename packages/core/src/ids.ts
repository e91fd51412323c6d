import { OptionError } from "./errors.js";

/** One-based database page number. Zero is never a page. */
export type Pgno = number & { readonly __brand: "Pgno" };
/** Transaction ID: unsigned 64-bit, one-based; printed as 16 lower-case hex digits. Zero stands for "nothing yet". */
export type TXID = bigint & { readonly __brand: "TXID" };

const TXID_MAX = 2n ** 64n - 1n;

/** Checks the range and brands. @throws {RangeError} outside of 0 .. 2^64-1. */
export function txid(value: bigint | number): TXID {
  const n = BigInt(value);
  if (n < 0n || n > TXID_MAX) throw new RangeError(`txid out of range: ${n}`);
  return n as TXID;
}

/** 16 lower-case hex digits. */
export function formatTXID(value: TXID | bigint): string {
  return value.toString(16).padStart(16, "0");
}

/** The inverse of {@link formatTXID}; nothing else is accepted. @throws {OptionError} `BAD_OPTION`. */
export function parseTXID(text: string): TXID {
  if (!/^[0-9a-f]{16}$/.test(text))
    throw new OptionError("BAD_OPTION", `malformed txid: ${JSON.stringify(text)}; expected 16 lower-case hex digits`);
  return txid(BigInt(`0x${text}`));
}

/** Brands a page number. @throws {RangeError} unless it is an integer in 1 .. 2^32-2. */
export function pgno(value: number): Pgno {
  if (!Number.isInteger(value) || value < 1 || value > 0xfffffffe) throw new RangeError(`pgno out of range: ${value}`);
  return value as Pgno;
}

/** True for the page sizes that SQLite allows: powers of two from 512 to 65536. */
export function isPageSize(value: number): boolean {
  return Number.isInteger(value) && value >= 512 && value <= 65_536 && (value & (value - 1)) === 0;
}

/** The page that contains byte 2^30, which SQLite never stores. @see SQLite file format, "The Lock-Byte Page" */
export function lockPgno(pageSize: number): Pgno {
  return (0x40000000 / pageSize + 1) as Pgno;
}
