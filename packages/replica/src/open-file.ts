import { formatTXID, lockPgno, type Pace } from "@headwater/core";
import {
  type DecodedTail,
  decodeHeader,
  decodeTailSteps,
  decodeTrailer,
  HEADER_SIZE,
  type Header,
  isSnapshot,
  LtxStreamDecoder,
  measurePageFrame,
  PAGE_HEADER_SIZE,
  type PageIndex,
  TRAILER_SIZE,
} from "@headwater/ltx";
import { inSlices, type Limiter } from "./concurrency.js";
import { corrupt, withKey } from "./errors.js";
import { decodeFrame } from "./frame.js";
import { PartIndex } from "./frames/part-index.js";
import { againIfCorrupt, type RangeReader, type ReadOptions } from "./range-reader.js";
import type { ReplicaFile } from "./replica-file.js";
import type { FrameRef, OpenFile } from "./view.js";

/** A file whose page index is known, whole or in parts, with its first bytes where they came along. */
export type OpenedFile = WholeFile | PartFile;

interface PartFile extends Omit<OpenFile, "index"> {
  readonly index?: undefined;
  readonly parts: PartIndex;
  /** Its first pages, which came along. */
  readonly first: readonly FirstPage[];
}

interface FirstPage {
  readonly pgno: number;
  readonly frame: FrameRef;
  readonly data: Uint8Array;
}

export interface WholeFile extends OpenFile {
  /** The file from its first byte on; all of it where it was read whole. */
  readonly head: Uint8Array;
}

/** What the opening of several files shares. */
export interface Opening {
  readonly reader: RangeReader;
  /** In bytes. */
  readonly pace: Pace;
  /** Lets one decode at a time, so that the slices of several don't add up to a long one. */
  readonly cpu: Limiter;
  /** Files of up to this size are read whole. */
  readonly wholeBytesMax: number;
  /** What the first request for a file's end asks for, instead of a guess. */
  readonly tailBytes: number | undefined;
  /** The page index of a snapshot that is larger is read in parts. */
  readonly indexBytesMax: number;
  readonly entryBytesMax?: number;
}

/** Files of up to this size are read whole, however many there are: one request instead of two. */
export const WHOLE_BYTES_MAX: number = 128 * 1024;
/** Where there are few files, larger ones too: their pages save the round trips of the first statements. */
const WHOLE_BYTES_MAX_FEW: number = 1024 * 1024;
const WHOLE_BYTES_IN_ALL = 4 * 1024 * 1024;

/** Up to which size files are read whole, when there are so many. */
export function wholeBytesMax(files: number): number {
  return Math.max(WHOLE_BYTES_MAX, Math.min(WHOLE_BYTES_MAX_FEW, Math.floor(WHOLE_BYTES_IN_ALL / files)));
}

/** An index of 16,000 entries: a database of 64 MB, however well it compresses. */
const TAIL_BYTES_MIN: number = 128 * 1024;
/** An entry takes about 9 bytes, and a page of 4 KB that compresses to a quarter about 1 KB. */
const TAIL_PART = 1 / 96;
/** An index of 160,000 entries. For more, the part is that of pages that compress to a half. */
const TAIL_BYTES_MEDIUM: number = 1536 * 1024;
const TAIL_PART_LARGE = 1 / 256;
const TAIL_BYTES_MAX: number = 4 * 1024 * 1024;
/** The index of a file that is larger is hardly ever within that: then all but the size of it comes for nothing. */
const FILE_BYTES_LARGE: number = 2 * 1024 ** 3;
const TAIL_BYTES_LARGE: number = 512 * 1024;
/** 16 MiB: 1.7 million entries, of which a database of 7 GB in pages of 4 KB consists. */
export const INDEX_BYTES_MAX_DEFAULT: number = 16 * 1024 * 1024;
/** Pages of the start of a snapshot: SQLite's schema, and the tops of the first trees. */
export const HEAD_BYTES_DEFAULT: number = 64 * 1024;

/**
 * What the first request for a file's tail asks for, in bytes: enough for the page index nearly always, and hardly more.
 * A guess that is too low costs a round trip; at 100 MB/s that is as much as 2.5 MB.
 */
export function tailGuess(size: number): number {
  if (size > FILE_BYTES_LARGE) return TAIL_BYTES_LARGE;
  const part = Math.min(size * TAIL_PART, Math.max(TAIL_BYTES_MEDIUM, size * TAIL_PART_LARGE));
  return Math.min(size, TAIL_BYTES_MAX, Math.max(TAIL_BYTES_MIN, Math.ceil(part)));
}

/**
 * Reads what is needed of one file: tail and head at once, or the whole file in one request where that costs little
 * more. What is read whole is verified whole.
 *
 * @param headBytes - How much of its start is wanted; never less than the header.
 */
export function openFile(opening: Opening, file: ReplicaFile, headBytes: number, call: ReadOptions): Promise<OpenedFile> {
  return againIfCorrupt(call, (options) => openOnce(opening, file, headBytes, options));
}

async function openOnce(opening: Opening, file: ReplicaFile, headBytes: number, call: ReadOptions): Promise<OpenedFile> {
  const { reader, tailBytes } = opening;
  const tail = Math.min(file.size, tailBytes ?? tailGuess(file.size));
  const head = Math.min(file.size, Math.max(headBytes, HEADER_SIZE));
  if (file.size === 0) throw corrupt(file, "it is empty");
  if (file.size <= Math.max(tailBytes ?? opening.wholeBytesMax, tail + head)) {
    const bytes = await reader.read(file, 0, file.size, call);
    return opening.cpu.run(() => verifyWhole(opening, file, bytes));
  }
  const [headPart, tailPart] = await Promise.all([reader.read(file, 0, head, call), readTail(opening, file, tail, call)]);
  const header = checked(file, () => decodeHeader(headPart));
  if (tailPart.kind === "parts") return openInParts(opening, file, header, headPart, tailPart);
  const { index, trailer } = tailPart;
  checkShape(file, header, index);
  return { file, header, index, trailer, head: headPart };
}

function openInParts(opening: Opening, file: ReplicaFile, header: Header, head: Uint8Array, { tail, indexBytes }: LargeTail): OpenedFile {
  const { reader, entryBytesMax } = opening;
  checkNamed(file, header);
  const { pageSize, commit } = header;
  const memory = entryBytesMax === undefined ? {} : { entryBytesMax };
  const parts = new PartIndex({ file, pageSize, commit, indexBytes, reader, ...memory });
  const atHand = tail.subarray(-SEED_BYTES);
  parts.takeBytes(file.size - atHand.byteLength, atHand);
  const first = decodeFirst(file, header, head);
  parts.takeFirst(Uint32Array.from(first, ({ frame }) => frame.size));
  return { file, header, trailer: checked(file, () => decodeTrailer(tail)), parts, first };
}

/** Decodes the pages at a snapshot's start, without its index: each frame says where the next one is. */
function decodeFirst(file: ReplicaFile, { commit, pageSize }: Header, head: Uint8Array): FirstPage[] {
  const pages: FirstPage[] = [];
  let offset = HEADER_SIZE;
  for (let pgno = 1; pgno <= commit && pgno < lockPgno(pageSize); pgno += 1) {
    const at = offset;
    const size = checked(file, () => measurePageFrame(head, at, head.byteLength, pageSize));
    if (size <= 0) break;
    const frame = { file, offset, size };
    pages.push({ pgno, frame, data: decodeFrame(frame, pgno, pageSize, head.subarray(offset, offset + size)) });
    offset += size;
  }
  return pages;
}

async function verifyWhole({ pace }: Opening, file: ReplicaFile, bytes: Uint8Array): Promise<OpenedFile> {
  try {
    const decoder = new LtxStreamDecoder();
    decoder.push(bytes);
    while (decoder.skip()) if (pace.spent(decoder.header?.pageSize ?? 0)) await pace.turn();
    const { header, index, trailer } = decoder.finish();
    checkShape(file, header, index);
    return { file, header, index, trailer, head: bytes };
  } catch (error) {
    throw withKey(file, "", error);
  }
}

type Tail = Extract<DecodedTail, { kind: "ok" }> | LargeTail;

/** The end of a file whose page index is too large to be held whole. */
interface LargeTail {
  readonly kind: "parts";
  readonly tail: Uint8Array;
  readonly indexBytes: number;
}

/** What follows on the entries, their terminating zero included, and stands before them: how much longer a tail is than an index. */
const AROUND_INDEX: number = PAGE_HEADER_SIZE + 8 + TRAILER_SIZE;
/** As much of a large index as one slice can decode. */
const SEED_BYTES: number = 64 * 1024;

/** Work for an index entry, in bytes, and how many are dealt with at a time. */
export const ENTRY_COST = 32;
export const ENTRIES_PER_STEP = 4096;

/** Page index and trailer: one request where the guess was right, else a second for what is missing. */
async function readTail(opening: Opening, file: ReplicaFile, guess: number, call: ReadOptions): Promise<Tail> {
  let tail = await opening.reader.read(file, file.size - guess, file.size, call);
  for (;;) {
    const decoded = await decodeTail(opening, file, tail);
    if (decoded.kind === "ok") return decoded;
    const indexBytes = decoded.bytes - AROUND_INDEX;
    if (indexBytes > opening.indexBytesMax && file.minTXID === 1n) return { kind: "parts", tail, indexBytes };
    const more = await opening.reader.read(file, file.size - decoded.bytes, file.size - tail.byteLength, call);
    const longer = new Uint8Array(decoded.bytes);
    longer.set(more);
    longer.set(tail, more.byteLength);
    tail = longer;
  }
}

async function decodeTail({ cpu, pace }: Opening, file: ReplicaFile, tail: Uint8Array): Promise<DecodedTail> {
  try {
    const steps = decodeTailSteps(tail, file.size, ENTRIES_PER_STEP);
    return await cpu.run(() => inSlices(steps, pace, ENTRIES_PER_STEP * ENTRY_COST));
  } catch (error) {
    throw withKey(file, "", error);
  }
}

/** What only header and index together, or header and key together, can show. */
function checkShape(file: ReplicaFile, header: Header, { count, pgnos }: PageIndex): void {
  checkNamed(file, header);
  const { commit, pageSize } = header;
  const last = pgnos[count - 1] ?? 0;
  if (last > commit) throw corrupt(file, "it holds a page beyond its own commit", `pgno=${last} commit=${commit}`);
  const lock = lockPgno(pageSize);
  const expected = commit >= lock ? commit - 1 : commit;
  if (isSnapshot(header) && count !== expected)
    throw corrupt(file, "a snapshot must hold every page", `pages=${count} expected=${expected}`);
  if (last >= lock && holds(pgnos, lock)) throw corrupt(file, "it holds the lock page", `pgno=${lock}`);
}

function checkNamed(file: ReplicaFile, header: Header): void {
  if (header.minTXID === file.minTXID && header.maxTXID === file.maxTXID) return;
  const found = `minTXID=${formatTXID(header.minTXID)} maxTXID=${formatTXID(header.maxTXID)}`;
  throw corrupt(file, "its header names other transactions than its key", found);
}

/** The list ascends. */
function holds(pgnos: Uint32Array, pgno: number): boolean {
  let low = 0;
  let high = pgnos.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pgnos[middle] ?? 0) < pgno) low = middle + 1;
    else high = middle;
  }
  return pgnos[low] === pgno;
}

function checked<T>(file: ReplicaFile, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw withKey(file, "", error);
  }
}
