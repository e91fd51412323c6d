import type { FileSystem } from "@headwater/core";
import {
  decodeSegmentHeader,
  type HeaderResult,
  listSegments,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "../log/segment.js";
import type { Pace } from "../sync/slices.js";
import { countBrokenRecords } from "./broken-records.js";
import { type ScannedTransaction, type ScanState, scanSegment } from "./scan-segment.js";

/** All that a log's segments hold together. */
export interface LogContents {
  /** Of the newest segment. */
  readonly header: SegmentHeader;
  /** Segments that belong to the log, in order. */
  readonly starts: readonly number[];
  /** Segments of which nothing is needed: left over from a deletion or from a creation that a crash cut short. */
  readonly leftovers: readonly number[];
  /** State before the first transaction. */
  readonly before: Readonly<ScanState>;
  /** In order, without gaps. */
  readonly transactions: readonly ScannedTransaction[];
  /** State behind the last. */
  readonly state: Readonly<ScanState>;
  /** Completed records behind it that are not as they were written, or follow one that is not. */
  readonly broken: number;
}

export type ReadLog =
  | { readonly kind: "log"; readonly log: LogContents }
  | { readonly kind: "empty"; readonly leftovers: readonly number[] }
  /** Another program's or another release's. */
  | { readonly kind: "foreign"; readonly reason: string }
  /** Ours, and something that was durable is not as it was written. `header`: of a segment that can be read. */
  | { readonly kind: "damaged"; readonly reason: string; readonly header: SegmentHeader | undefined };

interface Run {
  starts: number[];
  transactions: ScannedTransaction[];
  before: ScanState;
  state: ScanState;
  header: SegmentHeader;
  broken: number;
}

/**
 * Reads a whole log and changes nothing.
 *
 * @param settled - A sequence that the replica is known to hold: segments with nothing later may be missing or left over.
 */
export async function readLog(fs: FileSystem, dir: string, settled: number, pace: Pace): Promise<ReadLog> {
  const starts = listSegments(fs, dir);
  const leftovers: number[] = [];
  let run: Run | undefined;
  for (const [i, start] of starts.entries()) {
    const result = readHeader(fs, dir, start);
    if (result.kind === "foreign") return { kind: "foreign", reason: `${segmentName(start)}: ${result.reason}` };
    if (result.kind === "torn" && i === starts.length - 1) {
      leftovers.push(start);
      break;
    }
    if (result.kind !== "ok") return damaged(`${segmentName(start)}: ${result.reason}`, run);
    const { header } = result;
    if (header.start !== start) return damaged(`${segmentName(start)} says that it begins at ${header.start}`, run);
    const problem = run === undefined ? undefined : continues(run, header);
    if (run !== undefined && problem !== undefined) {
      const known = Math.max(settled, header.baseSequence);
      if (run.state.sequence > known || header.previous.sequence > known) return damaged(`${segmentName(start)}: ${problem}`, run);
      leftovers.push(...run.starts);
      run = undefined;
    }
    run ??= newRun(header);
    run.header = header;
    run.starts.push(start);
    await scanInto(run, fs, dir, pace);
  }
  return run === undefined ? { kind: "empty", leftovers } : { kind: "log", log: { ...run, leftovers } };
}

function damaged(reason: string, run: Run | undefined): ReadLog {
  return { kind: "damaged", reason, header: run?.header };
}

function newRun(header: SegmentHeader): Run {
  const state = { ...header.previous, end: header.start };
  return { starts: [], transactions: [], before: { ...state }, state, header, broken: 0 };
}

/** What keeps a segment from following what was read so far. */
function continues({ header: last, state }: Run, next: SegmentHeader): string | undefined {
  if (next.identity !== last.identity || next.pageSize !== last.pageSize) return "of another database than the segment before";
  const { sequence, chain } = next.previous;
  if (next.start !== state.end) return `begins at ${next.start}, but what is valid before ends at ${state.end}`;
  return sequence === state.sequence && chain === state.chain ? undefined : "does not follow what is before";
}

async function scanInto(run: Run, fs: FileSystem, dir: string, pace: Pace): Promise<void> {
  const handle = fs.open(fs.join(dir, segmentName(run.header.start)), "r");
  try {
    for (const transaction of await scanSegment(handle, run.header, run.state, pace)) run.transactions.push(transaction);
    run.broken = await countBrokenRecords(handle, run.header, run.state, pace);
  } finally {
    handle.close();
  }
}

function readHeader(fs: FileSystem, dir: string, start: number): HeaderResult {
  const handle = fs.open(fs.join(dir, segmentName(start)), "r");
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const got = handle.read(bytes, 0);
    return decodeSegmentHeader(bytes.subarray(0, got), handle.size());
  } finally {
    handle.close();
  }
}
