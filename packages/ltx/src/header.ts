import { isPageSize, OptionError, type TXID, txid } from "@headwater/core";
import { CHECKSUM_FLAG } from "./codec/crc64.js";
import { check, LtxCorruptError } from "./errors.js";

/** Bytes of the header, of a page header (without its size prefix) and of the trailer. */
export const HEADER_SIZE = 100;
export const PAGE_HEADER_SIZE = 6;
export const TRAILER_SIZE = 16;

/** "LTX1" */
const MAGIC = 0x4c545831;
const FLAG_NO_CHECKSUM = 1 << 1;
/** The largest database that SQLite allows, in pages. */
const COMMIT_MAX = 0xfffffffe;
const I64_MAX = 2n ** 63n - 1n;
const U64_MAX = 2n ** 64n - 1n;

export interface Header {
  /** The checksum of the database is not tracked: pre- and post-apply checksums are zero. There is a file checksum anyway. */
  readonly noChecksum: boolean;
  /** In bytes. */
  readonly pageSize: number;
  /** Size of the database after this file is applied, in pages. */
  readonly commit: number;
  readonly minTXID: TXID;
  readonly maxTXID: TXID;
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** Checksum of the database before this file is applied; zero for a snapshot (minTXID 1) and without tracking. */
  readonly preApplyChecksum: bigint;
  /** Who made the file; zero if unset. */
  readonly nodeID: bigint;
  /** Where the transaction was in a WAL; zero for one that did not come from a WAL. */
  readonly walOffset: bigint;
  readonly walSize: bigint;
  readonly walSalt1: number;
  readonly walSalt2: number;
}

/** A {@link Header} to be encoded. What is absent is zero, and `noChecksum` is true, as in the files that Litestream writes. */
export interface HeaderInput {
  readonly noChecksum?: boolean;
  readonly pageSize: number;
  readonly commit: number;
  readonly minTXID: TXID;
  readonly maxTXID: TXID;
  readonly timestampMs: number;
  readonly preApplyChecksum?: bigint;
  readonly nodeID?: bigint;
  readonly walOffset?: bigint;
  readonly walSize?: bigint;
  readonly walSalt1?: number;
  readonly walSalt2?: number;
}

/** True for a file that holds the whole database: it begins with the first transaction. */
export function isSnapshot(header: { readonly minTXID: TXID }): boolean {
  return header.minTXID === 1n;
}

/** What is wrong with the values of a header, in words; undefined if nothing. @see superfly/ltx README, "Header" */
function headerProblem(h: Header): string | undefined {
  if (!isPageSize(h.pageSize)) return `page size is not a power of two from 512 to 65536 pageSize=${h.pageSize}`;
  if (!isIntegerUpTo(h.commit, COMMIT_MAX)) return `commit out of range commit=${h.commit}`;
  if (h.minTXID < 1n || h.maxTXID < h.minTXID || h.maxTXID > U64_MAX) {
    return `TXIDs are zero or out of order minTXID=${h.minTXID} maxTXID=${h.maxTXID}`;
  }
  if (!Number.isSafeInteger(h.timestampMs)) return `timestamp out of range timestampMs=${h.timestampMs}`;
  if (h.nodeID < 0n || h.nodeID > U64_MAX) return `node id out of range nodeID=${h.nodeID}`;
  return checksumProblem(h) ?? walProblem(h);
}

function checksumProblem(h: Header): string | undefined {
  const pre = h.preApplyChecksum;
  if (pre < 0n || pre > U64_MAX) return `pre-apply checksum out of range preApplyChecksum=${pre}`;
  if (isSnapshot(h)) return pre === 0n ? undefined : "a snapshot has no pre-apply checksum minTXID=1";
  if (h.noChecksum) return pre === 0n ? undefined : "pre-apply checksum in a file without checksum tracking";
  return pre >= CHECKSUM_FLAG ? undefined : `pre-apply checksum is missing or lacks the checksum flag preApplyChecksum=${pre.toString(16)}`;
}

function walProblem(h: Header): string | undefined {
  for (const field of ["walOffset", "walSize"] as const) {
    if (h[field] < 0n || h[field] > I64_MAX) return `WAL field out of range ${field}=${h[field]}`;
  }
  for (const field of ["walSalt1", "walSalt2"] as const) {
    if (!isIntegerUpTo(h[field], 0xffffffff)) return `WAL field out of range ${field}=${h[field]}`;
  }
  if (h.walOffset !== 0n) return undefined;
  return h.walSize === 0n && h.walSalt1 === 0 && h.walSalt2 === 0 ? undefined : "WAL size or salt without a WAL offset walOffset=0";
}

function isIntegerUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** Fills in the defaults and checks every value. @throws {OptionError} `BAD_OPTION`. */
export function completeHeader(input: HeaderInput): Header {
  const header: Header = {
    noChecksum: input.noChecksum ?? true,
    pageSize: input.pageSize,
    commit: input.commit,
    minTXID: input.minTXID,
    maxTXID: input.maxTXID,
    timestampMs: input.timestampMs,
    preApplyChecksum: input.preApplyChecksum ?? 0n,
    nodeID: input.nodeID ?? 0n,
    walOffset: input.walOffset ?? 0n,
    walSize: input.walSize ?? 0n,
    walSalt1: input.walSalt1 ?? 0,
    walSalt2: input.walSalt2 ?? 0,
  };
  const problem = headerProblem(header);
  if (problem !== undefined) throw new OptionError("BAD_OPTION", `can't encode LTX header: ${problem}`);
  return header;
}

/** Encodes a header to {@link HEADER_SIZE} bytes. @throws {OptionError} `BAD_OPTION` for values that LTX does not allow. */
export function encodeHeader(input: HeaderInput): Uint8Array {
  const h = completeHeader(input);
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, h.noChecksum ? FLAG_NO_CHECKSUM : 0);
  view.setUint32(8, h.pageSize);
  view.setUint32(12, h.commit);
  view.setBigUint64(16, h.minTXID);
  view.setBigUint64(24, h.maxTXID);
  view.setBigInt64(32, BigInt(h.timestampMs));
  view.setBigUint64(40, h.preApplyChecksum);
  view.setBigInt64(48, h.walOffset);
  view.setBigInt64(56, h.walSize);
  view.setUint32(64, h.walSalt1);
  view.setUint32(68, h.walSalt2);
  view.setBigUint64(72, h.nodeID);
  return bytes;
}

/**
 * Decodes a header.
 *
 * @param bytes - At least {@link HEADER_SIZE} bytes; only those are read. All integers are big-endian. The reserved
 *   bytes 80 to 99 are not looked at (the file checksum covers them).
 * @throws {LtxCorruptError} `LTX_CORRUPT` if the input is short, the magic differs, a flag is unknown or a value is not
 *   allowed. Nothing else.
 * @see superfly/ltx README, "Header" (format version 3)
 */
export function decodeHeader(bytes: Uint8Array): Header {
  check(bytes.length >= HEADER_SIZE, "length", `short LTX header: need ${HEADER_SIZE} bytes length=${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  check(view.getUint32(0) === MAGIC, "header", `not an LTX file: bad magic magic=${view.getUint32(0).toString(16)}`);
  const flags = view.getUint32(4);
  check((flags & ~FLAG_NO_CHECKSUM) === 0, "header", `unknown LTX header flags flags=0x${flags.toString(16)}`);
  const header: Header = {
    noChecksum: (flags & FLAG_NO_CHECKSUM) !== 0,
    pageSize: view.getUint32(8),
    commit: view.getUint32(12),
    minTXID: txid(view.getBigUint64(16)),
    maxTXID: txid(view.getBigUint64(24)),
    timestampMs: Number(view.getBigInt64(32)),
    preApplyChecksum: view.getBigUint64(40),
    nodeID: view.getBigUint64(72),
    walOffset: view.getBigInt64(48),
    walSize: view.getBigInt64(56),
    walSalt1: view.getUint32(64),
    walSalt2: view.getUint32(68),
  };
  const problem = headerProblem(header);
  if (problem !== undefined) throw new LtxCorruptError("header", `malformed LTX header: ${problem}`);
  return header;
}
