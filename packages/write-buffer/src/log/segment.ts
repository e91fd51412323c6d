import { type FileSystem, HeadwaterError, isPageSize, OptionError, type TXID, txid } from "@headwater/core";
import { crc64 } from "@headwater/ltx";
import { readSafe, viewOf, writeSafe } from "./bytes.js";

/** Every segment file begins with a header of this size, padded with zeros. */
export const SEGMENT_HEADER_BYTES = 4096;
export const FORMAT_VERSION = 1;
export const IDENTITY_BYTES_MAX = 2048;
export const OWNER_BYTES_MAX = 1024;

/** "HWBUFLOG" */
const MAGIC_HIGH = 0x48574255;
const MAGIC_LOW = 0x464c4f47;
const CRC_AT = SEGMENT_HEADER_BYTES - 8;
const STRINGS_AT = 104;
const NAME = /^log-([0-9a-f]{14})$/;

/** The state of the replica that a log builds on. */
export interface LogBase {
  /** Zero: an empty replica. */
  readonly txid: TXID;
  /** Of the LTX file that ends at `txid`; zero for an empty replica. */
  readonly fileChecksum: bigint;
  /** Size of the database there, in pages. */
  readonly commit: number;
  /**
   * Of the same file, milliseconds since the epoch; zero when not known. It outlives a compaction, which the file
   * checksum does not.
   */
  readonly timestampMs?: number;
}

/** What the header of a segment says. Sizes in pages, offsets in bytes of the log as a whole. */
export interface SegmentHeader {
  readonly pageSize: number;
  /** Of the process that made the segment. */
  readonly base: Required<LogBase>;
  /** The last transaction that `base` holds. */
  readonly baseSequence: number;
  readonly identity: string;
  readonly owner: string;
  readonly writerId: bigint;
  /** Offset of the segment's first byte. */
  readonly start: number;
  /** The last transaction before this segment, the chain at its mark, and the database's size after it. */
  readonly previous: { readonly sequence: number; readonly chain: bigint; readonly commit: number };
}

/** What reading a header found. `torn`: not even that
 * was written, and nothing else is there. */
export type HeaderResult =
  | { readonly kind: "ok"; readonly header: SegmentHeader }
  | { readonly kind: "foreign" | "damaged" | "torn"; readonly reason: string };

export function segmentName(start: number): string {
  return `log-${start.toString(16).padStart(14, "0")}`;
}

/** Offsets of the segments in a directory, in order; none where the directory is missing. */
export function listSegments(fs: FileSystem, dir: string): number[] {
  if (fs.stat(dir) === undefined) return [];
  return fs
    .list(dir)
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      const start = digits === undefined ? Number.NaN : Number.parseInt(digits, 16);
      return Number.isSafeInteger(start) ? [start] : [];
    })
    .sort((a, b) => a - b);
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC_HIGH);
  view.setUint32(4, MAGIC_LOW);
  view.setUint32(8, FORMAT_VERSION);
  view.setUint32(12, header.pageSize);
  view.setBigUint64(16, header.base.txid);
  view.setBigUint64(24, header.base.fileChecksum);
  writeSafe(view, 32, header.base.timestampMs);
  view.setUint32(40, header.base.commit);
  view.setUint32(44, header.previous.commit);
  writeSafe(view, 48, header.baseSequence);
  view.setBigUint64(56, header.writerId);
  writeSafe(view, 64, header.start);
  writeSafe(view, 72, header.previous.sequence);
  view.setBigUint64(80, header.previous.chain);
  const identity = text("identity", header.identity, IDENTITY_BYTES_MAX);
  const owner = text("owner", header.owner, OWNER_BYTES_MAX);
  view.setUint32(88, identity.byteLength);
  view.setUint32(92, owner.byteLength);
  bytes.set(identity, STRINGS_AT);
  bytes.set(owner, STRINGS_AT + identity.byteLength);
  view.setBigUint64(CRC_AT, crc64(bytes.subarray(0, CRC_AT)));
  return bytes;
}

function text(name: string, value: string, bytesMax: number): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  if (bytes.byteLength <= bytesMax) return bytes;
  throw new OptionError("BAD_OPTION", `${name} is too long for the write buffer: at most ${bytesMax} bytes bytes=${bytes.byteLength}`);
}

/** Reads a segment's header from its first bytes. `sizeBytes` is the size of the whole file. Never throws. */
export function decodeSegmentHeader(bytes: Uint8Array, sizeBytes: number): HeaderResult {
  const have = Math.min(bytes.byteLength, sizeBytes);
  const view = viewOf(bytes);
  // A file no longer than its header holds nothing.
  const short = sizeBytes <= SEGMENT_HEADER_BYTES;
  if (have < 12 || (view.getUint32(0) === 0 && view.getUint32(4) === 0)) {
    return { kind: short ? "torn" : "damaged", reason: "no header" };
  }
  if (view.getUint32(0) !== MAGIC_HIGH || view.getUint32(4) !== MAGIC_LOW) return { kind: "foreign", reason: "not a log of ours" };
  // Before the checksum: another version may keep it elsewhere.
  const version = view.getUint32(8);
  if (version !== FORMAT_VERSION) return { kind: "foreign", reason: `format version ${version}, this release reads ${FORMAT_VERSION}` };
  if (have < SEGMENT_HEADER_BYTES) return { kind: "torn", reason: "short header" };
  if (view.getBigUint64(CRC_AT) !== crc64(bytes.subarray(0, CRC_AT))) {
    return { kind: short ? "torn" : "damaged", reason: "header checksum differs" };
  }
  const header = fields(bytes, view);
  return header === undefined ? { kind: "damaged", reason: "header values out of range" } : { kind: "ok", header };
}

function fields(bytes: Uint8Array, view: DataView): SegmentHeader | undefined {
  const pageSize = view.getUint32(12);
  const timestampMs = readSafe(view, 32);
  const baseSequence = readSafe(view, 48);
  const start = readSafe(view, 64);
  const sequence = readSafe(view, 72);
  const identityBytes = view.getUint32(88);
  const ownerBytes = view.getUint32(92);
  if (!isPageSize(pageSize) || identityBytes > IDENTITY_BYTES_MAX || ownerBytes > OWNER_BYTES_MAX) return undefined;
  if (timestampMs === undefined || baseSequence === undefined || start === undefined || sequence === undefined) return undefined;
  const decoder = new TextDecoder();
  const ownerAt = STRINGS_AT + identityBytes;
  return {
    pageSize,
    base: { txid: txid(view.getBigUint64(16)), fileChecksum: view.getBigUint64(24), commit: view.getUint32(40), timestampMs },
    baseSequence,
    identity: decoder.decode(bytes.subarray(STRINGS_AT, ownerAt)),
    owner: decoder.decode(bytes.subarray(ownerAt, ownerAt + ownerBytes)),
    writerId: view.getBigUint64(56),
    start,
    previous: { sequence, chain: view.getBigUint64(80), commit: view.getUint32(44) },
  };
}

/** A directory's path without its last name, and that name. Both kinds of slash count. */
export function splitPath(dir: string): { readonly parent: string; readonly name: string } {
  const trimmed = dir.replace(/[\\/]+$/, "");
  const cut = Math.max(trimmed.lastIndexOf("/"), trimmed.lastIndexOf("\\"));
  return { parent: cut < 0 ? "." : trimmed.slice(0, cut) || "/", name: trimmed.slice(cut + 1) };
}

/** Makes the name of a directory durable in its parent. */
export function syncParent(fs: FileSystem, dir: string): void {
  fs.syncDir(splitPath(dir).parent);
}

/** The error of a file operation on the buffer, its cause kept. */
export function bufferError(what: string, dir: string, cause: unknown): HeadwaterError {
  if (HeadwaterError.is(cause)) return cause;
  return new HeadwaterError(
    "BUFFER_UNWRITABLE",
    `can't ${what}: ${codeOf(cause)}; check that the disk has room and that the directory can be written dir=${dir}`,
    {
      cause,
    },
  );
}

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : "failed";
}
