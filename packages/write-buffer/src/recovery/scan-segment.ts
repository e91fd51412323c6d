import type { FileHandle, Pace } from "@headwater/core";
import { crc64 } from "@headwater/ltx";
import { viewOf } from "../log/bytes.js";
import type { LoggedTransaction } from "../log/published.js";
import {
  decodeMarkFoot,
  decodeMarkHead,
  FRAME_HEAD_BYTES,
  KIND_PAGE,
  MARK_ENTRY_BYTES,
  MARK_HEAD_BYTES,
  type Mark,
  type Salt,
} from "../log/record.js";
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from "../log/segment.js";
import { ChunkedFile } from "./chunked-file.js";

/** A transaction whose mark and frames are all as they were written. */
export interface ScannedTransaction extends LoggedTransaction {
  /** Pairs: page number, offset of its frame. */
  readonly pages: Float64Array;
  /** Chain at its mark. */
  readonly chain: bigint;
}

/** Where a scan has come to. */
export interface ScanState {
  chain: bigint;
  sequence: number;
  commit: number;
  /** Behind the last valid mark; the next segment begins there. */
  end: number;
}

/** The frames of a transaction whose mark has not been met. */
interface Open {
  readonly start: number;
  readonly pgnos: number[];
  salt: Salt | undefined;
  chain: bigint;
}

/**
 * Walks a segment from its header to the last valid mark, moving `state` along. Whatever is behind (a transaction that
 * was not completed, or anything else) is not looked at.
 */
export async function scanSegment(handle: FileHandle, header: SegmentHeader, state: ScanState, pace: Pace): Promise<ScannedTransaction[]> {
  const file = new ChunkedFile(handle);
  const frameBytes = FRAME_HEAD_BYTES + header.pageSize;
  const found: ScannedTransaction[] = [];
  let at = SEGMENT_HEADER_BYTES;
  let open: Open = { start: at, pgnos: [], salt: undefined, chain: state.chain };
  for (;;) {
    if (pace.spent(frameBytes)) await pace.turn();
    const frame = file.bytes(at, frameBytes);
    if (frame !== undefined && takeFrame(frame, open)) {
      at += frameBytes;
      continue;
    }
    const transaction = takeMark(file, at, header.start, frameBytes, open, state);
    if (transaction === undefined) return found;
    found.push(transaction);
    at = transaction.endOffset - header.start;
    open = { start: at, pgnos: [], salt: undefined, chain: state.chain };
  }
}

function takeFrame(frame: Uint8Array, open: Open): boolean {
  const view = viewOf(frame);
  const pgno = view.getUint32(4);
  if (view.getUint32(0) !== KIND_PAGE || pgno === 0 || pgno > 0xfffffffe) return false;
  const salt = { high: view.getUint32(8), low: view.getUint32(12) };
  if (open.salt !== undefined && !sameSalt(open.salt, salt)) return false;
  open.salt = salt;
  open.pgnos.push(pgno);
  open.chain = crc64(frame, open.chain);
  return true;
}

function takeMark(
  file: ChunkedFile,
  at: number,
  start: number,
  frameBytes: number,
  open: Open,
  state: ScanState,
): ScannedTransaction | undefined {
  const head = file.bytes(at, MARK_HEAD_BYTES);
  const mark = head && decodeMarkHead(head);
  if (mark === undefined || mark.sequence !== state.sequence + 1 || mark.frames !== open.pgnos.length) return undefined;
  if (mark.minSizePages > state.commit || (open.salt !== undefined && !sameSalt(open.salt, mark.salt))) return undefined;
  const bytes = file.bytes(at, mark.length);
  const foot = bytes && decodeMarkFoot(bytes);
  if (bytes === undefined || foot?.length !== mark.length) return undefined;
  const chain = crc64(bytes.subarray(0, bytes.byteLength - 8), open.chain);
  if (chain !== foot.chain) return undefined;
  const pages = takeList(bytes, mark, open.pgnos, start + open.start, frameBytes);
  if (pages === undefined) return undefined;
  const endOffset = start + at + mark.length;
  state.chain = chain;
  state.sequence = mark.sequence;
  state.commit = mark.commit;
  state.end = endOffset;
  const { sequence, commit, minSizePages } = mark;
  return { sequence, commit, minSizePages, startOffset: start + open.start, endOffset, pages, chain };
}

/** A list that does not fit its frames is none that this package wrote, whatever its checksum. */
function takeList(
  bytes: Uint8Array,
  mark: Mark,
  pgnos: readonly number[],
  firstFrame: number,
  frameBytes: number,
): Float64Array | undefined {
  const view = viewOf(bytes);
  const pages = new Float64Array(mark.pages * 2);
  for (let i = 0; i < mark.pages; i += 1) {
    const entry = MARK_HEAD_BYTES + i * MARK_ENTRY_BYTES;
    const pgno = view.getUint32(entry);
    const frame = view.getUint32(entry + 4);
    if (pgno > mark.commit || pgnos[frame] !== pgno) return undefined;
    pages[i * 2] = pgno;
    pages[i * 2 + 1] = firstFrame + frame * frameBytes;
  }
  return pages;
}

function sameSalt(a: Salt, b: Salt): boolean {
  return a.high === b.high && a.low === b.low;
}
