/** Bytes that are checked as one: what a read of a single page costs at least. */
export const PIECE_BYTES: number = 32 * 1024;

/** Checks bytes on the way back from the disk; 64 bits wide, so that damage does not pass by chance. */
export type Checksum = (bytes: Uint8Array) => bigint;

/** One range of one file as a segment holds it. */
export interface RangeRecord {
  /** Full identity of the file: the same text for the same bytes, and for no others. */
  readonly file: string;
  /** Offset of the range in the file. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Where its bytes lie in the segment's data. */
  readonly dataOffset: number;
  /** One for each {@link PIECE_BYTES} of it, the last for what is left. */
  readonly checksums: BigUint64Array;
}

const MAGIC = 0x48574331; // "HWC1"
const HEAD_BYTES = 16;
const FIXED_BYTES = 24;
/** A key has at most 1 KiB; what is longer is damage. */
const FILE_BYTES_MAX = 8 * 1024;
/** The longest range of one record, in pieces. */
const PIECES_MAX = 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * A record of a segment's index. All integers are big-endian: magic (4 bytes), length of the body (4), checksum of the body
 * (8); then the body: length of the identity (4), start (8), data offset (8), length (4), identity, checksums (8 each).
 */
export function encodeRecord(record: RangeRecord, checksum: Checksum): Uint8Array {
  const file = encoder.encode(record.file);
  const bodyBytes = FIXED_BYTES + file.byteLength + 8 * record.checksums.length;
  const bytes = new Uint8Array(HEAD_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(HEAD_BYTES, file.byteLength);
  view.setBigUint64(HEAD_BYTES + 4, BigInt(record.start));
  view.setBigUint64(HEAD_BYTES + 12, BigInt(record.dataOffset));
  view.setUint32(HEAD_BYTES + 20, record.length);
  bytes.set(file, HEAD_BYTES + FIXED_BYTES);
  const sums = HEAD_BYTES + FIXED_BYTES + file.byteLength;
  record.checksums.forEach((sum, i) => {
    view.setBigUint64(sums + 8 * i, sum);
  });
  view.setUint32(0, MAGIC);
  view.setUint32(4, bodyBytes);
  view.setBigUint64(8, checksum(bytes.subarray(HEAD_BYTES)));
  return bytes;
}

/** The records at the start of an index, up to the first that is torn or damaged: what follows it can't be found. */
export function* decodeRecords(bytes: Uint8Array, checksum: Checksum): Generator<RangeRecord> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEAD_BYTES + FIXED_BYTES <= bytes.byteLength; ) {
    const bodyBytes = view.getUint32(at + 4);
    const body = at + HEAD_BYTES;
    if (view.getUint32(at) !== MAGIC || bodyBytes < FIXED_BYTES || body + bodyBytes > bytes.byteLength) return;
    if (bodyBytes > FIXED_BYTES + FILE_BYTES_MAX + 8 * PIECES_MAX) return;
    if (view.getBigUint64(at + 8) !== checksum(bytes.subarray(body, body + bodyBytes))) return;
    const record = decodeBody(new DataView(view.buffer, view.byteOffset + body, bodyBytes));
    if (record === undefined) return;
    yield record;
    at = body + bodyBytes;
  }
}

function decodeBody(view: DataView): RangeRecord | undefined {
  const fileBytes = view.getUint32(0);
  const start = Number(view.getBigUint64(4));
  const dataOffset = Number(view.getBigUint64(12));
  const length = view.getUint32(20);
  const pieces = piecesIn(length);
  if (length === 0 || FIXED_BYTES + fileBytes + 8 * pieces !== view.byteLength) return undefined;
  if (!Number.isSafeInteger(start + length) || !Number.isSafeInteger(dataOffset + length)) return undefined;
  const file = decoder.decode(new Uint8Array(view.buffer, view.byteOffset + FIXED_BYTES, fileBytes));
  const checksums = new BigUint64Array(pieces);
  for (let i = 0; i < pieces; i += 1) checksums[i] = view.getBigUint64(FIXED_BYTES + fileBytes + 8 * i);
  return { file, start, length, dataOffset, checksums };
}

/** How many pieces a range of so many bytes has. */
export function piecesIn(length: number): number {
  return Math.ceil(length / PIECE_BYTES);
}

/** The checksums of a range, piece by piece. */
export function checksumsOf(bytes: Uint8Array, checksum: Checksum): BigUint64Array {
  const sums = new BigUint64Array(piecesIn(bytes.byteLength));
  for (let i = 0; i < sums.length; i += 1) sums[i] = checksum(bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES));
  return sums;
}
