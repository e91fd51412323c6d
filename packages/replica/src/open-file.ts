import { formatTXID, lockPgno } from "@headwater/core";
import {
  type DecodedTail,
  decodeHeader,
  decodeLtx,
  decodeTail,
  HEADER_SIZE,
  type Header,
  isSnapshot,
  type PageIndex,
} from "@headwater/ltx";
import { corrupt, withKey } from "./errors.js";
import { againIfCorrupt, type RangeReader, type ReadOptions } from "./range-reader.js";
import type { ReplicaFile } from "./replica-file.js";
import type { OpenFile } from "./view.js";

/** A file with the first bytes of it, or all of them, where they came along. */
export interface OpenedFile extends OpenFile {
  /** The file from its first byte on; at least the header. */
  readonly head: Uint8Array;
}

/** A file of up to this size is read whole, with one request instead of two. */
export const WHOLE_BYTES_MAX: number = 128 * 1024;
const TAIL_BYTES_MIN = 64 * 1024;
const TAIL_BYTES_MAX = 4 * 1024 * 1024;
/** A page index takes about 9 bytes of each frame's typical 1 to 2 KiB. */
const TAIL_PART = 1 / 64;
/** Pages of the start of a snapshot: SQLite's schema, and the tops of the first trees. */
export const HEAD_BYTES_DEFAULT: number = 64 * 1024;

/** What the first request for a file's tail asks for, in bytes. */
export function tailGuess(size: number): number {
  return Math.min(size, TAIL_BYTES_MAX, Math.max(TAIL_BYTES_MIN, Math.ceil(size * TAIL_PART)));
}

/**
 * Reads what is needed of one file: tail and head at once, or the whole file in one request where that costs little
 * more. What is read whole is verified whole.
 *
 * @param headBytes - How much of its start is wanted; never less than the header.
 */
export function openFile(
  reader: RangeReader,
  file: ReplicaFile,
  headBytes: number,
  tailBytes: number | undefined,
  call: ReadOptions,
): Promise<OpenedFile> {
  return againIfCorrupt(call, (options) => openOnce(reader, file, headBytes, tailBytes, options));
}

async function openOnce(
  reader: RangeReader,
  file: ReplicaFile,
  headBytes: number,
  tailBytes: number | undefined,
  call: ReadOptions,
): Promise<OpenedFile> {
  const tail = Math.min(file.size, tailBytes ?? tailGuess(file.size));
  const head = Math.min(file.size, Math.max(headBytes, HEADER_SIZE));
  if (file.size === 0) throw corrupt(file, "it is empty");
  const limit = tailBytes ?? WHOLE_BYTES_MAX;
  if (file.size <= Math.max(limit, tail + head)) return openWhole(file, await reader.read(file, 0, file.size, call));
  const [headPart, tailPart] = await Promise.all([reader.read(file, 0, head, call), readTail(reader, file, tail, call)]);
  const header = checked(file, "", () => decodeHeader(headPart));
  checkShape(file, header, tailPart.index);
  return { file, header, index: tailPart.index, trailer: tailPart.trailer, head: headPart };
}

function openWhole(file: ReplicaFile, bytes: Uint8Array): OpenedFile {
  const { header, index, trailer } = checked(file, "", () => decodeLtx(bytes));
  checkShape(file, header, index);
  return { file, header, index, trailer, head: bytes };
}

type Tail = Extract<DecodedTail, { kind: "ok" }>;

/** Page index and trailer: one request where the guess was right, else a second for what is missing. */
async function readTail(reader: RangeReader, file: ReplicaFile, guess: number, call: ReadOptions): Promise<Tail> {
  let tail = await reader.read(file, file.size - guess, file.size, call);
  for (;;) {
    const bytes = tail;
    const decoded = checked(file, "", () => decodeTail(bytes, file.size));
    if (decoded.kind === "ok") return decoded;
    const more = await reader.read(file, file.size - decoded.bytes, file.size - tail.byteLength, call);
    const longer = new Uint8Array(decoded.bytes);
    longer.set(more);
    longer.set(tail, more.byteLength);
    tail = longer;
  }
}

/** What only header and index together, or header and key together, can show. */
function checkShape(file: ReplicaFile, header: Header, { count, pgnos }: PageIndex): void {
  if (header.minTXID !== file.minTXID || header.maxTXID !== file.maxTXID) {
    const found = `minTXID=${formatTXID(header.minTXID)} maxTXID=${formatTXID(header.maxTXID)}`;
    throw corrupt(file, "its header names other transactions than its key", found);
  }
  const { commit, pageSize } = header;
  const last = pgnos[count - 1] ?? 0;
  if (last > commit) throw corrupt(file, "it holds a page beyond its own commit", `pgno=${last} commit=${commit}`);
  const lock = lockPgno(pageSize);
  const expected = commit >= lock ? commit - 1 : commit;
  if (isSnapshot(header) && count !== expected)
    throw corrupt(file, "a snapshot must hold every page", `pages=${count} expected=${expected}`);
  if (last >= lock && pgnos.includes(lock)) throw corrupt(file, "it holds the lock page", `pgno=${lock}`);
}

function checked<T>(file: ReplicaFile, values: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw withKey(file, values, error);
  }
}
