import type { FileHandle, FileSystem, Pace } from "@headwater/core";
import { FRAME_HEAD_BYTES } from "../log/record.js";
import {
  decodeSegmentHeader,
  type HeaderResult,
  listSegments,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "../log/segment.js";
import { countRecords } from "./broken-records.js";
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
  readonly broken: {
    readonly transactions: number;
    /** Some of them are in the log's last segment. */
    readonly inLast: boolean;
    /** Segments with the others. */
    readonly starts: readonly number[];
  };
}

export type ReadLog =
  | { readonly kind: "log"; readonly log: LogContents }
  | { readonly kind: "empty"; readonly leftovers: readonly number[] }
  /** Another program's, another release's or another database's. */
  | { readonly kind: "foreign"; readonly reason: string }
  /** Its very beginning can't be read. */
  | { readonly kind: "damaged"; readonly reason: string };

interface Run {
  header: SegmentHeader;
  readonly starts: number[];
  readonly before: ScanState;
  readonly transactions: ScannedTransaction[];
  readonly state: ScanState;
}

/**
 * Reads a log, as far as its segments are what was written and follow each other, and changes nothing.
 *
 * @param settled - A sequence that the replica is known to hold: segments with nothing later may be missing or left over.
 */
export async function readLog(fs: FileSystem, dir: string, settled: number, pace: Pace): Promise<ReadLog> {
  const starts = listSegments(fs, dir);
  const leftovers: number[] = [];
  let rest: number[] = [];
  let run: Run | undefined;
  for (const [i, start] of starts.entries()) {
    const result = withFile(fs, dir, start, readHeader);
    if (result.kind === "foreign") return { kind: "foreign", reason: `${segmentName(start)}: ${result.reason}` };
    const header = result.kind === "ok" ? result.header : undefined;
    if (header === undefined || header.start !== start) {
      if (run === undefined && (i < starts.length - 1 || result.kind !== "torn")) {
        return { kind: "damaged", reason: `${segmentName(start)}: ${result.kind === "ok" ? "another segment's header" : result.reason}` };
      }
      rest = starts.slice(i);
      break;
    }
    if (run !== undefined && (header.identity !== run.header.identity || header.pageSize !== run.header.pageSize)) {
      return { kind: "foreign", reason: `${segmentName(start)}: of another database than the segment before` };
    }
    if (run !== undefined && !continues(run, header)) {
      const known = Math.max(settled, header.baseSequence);
      if (run.state.sequence > known || header.previous.sequence > known) {
        rest = starts.slice(i);
        break;
      }
      leftovers.push(...run.starts);
      run = undefined;
    }
    run ??= newRun(header);
    run.header = header;
    run.starts.push(start);
    await scanInto(run, fs, dir, pace);
  }
  if (run === undefined) return { kind: "empty", leftovers: [...leftovers, ...rest] };
  return { kind: "log", log: await withBroken(run, fs, dir, leftovers, rest, pace) };
}

function newRun(header: SegmentHeader): Run {
  const state = { ...header.previous, end: header.start };
  return { starts: [], transactions: [], before: { ...state }, state, header };
}

/** True if a segment follows what was read so far. */
function continues({ state }: Run, next: SegmentHeader): boolean {
  const { sequence, chain } = next.previous;
  return next.start === state.end && sequence === state.sequence && chain === state.chain;
}

async function scanInto(run: Run, fs: FileSystem, dir: string, pace: Pace): Promise<void> {
  const found = await withFileAsync(fs, dir, run.header.start, (handle) => scanSegment(handle, run.header, run.state, pace));
  for (const transaction of found) run.transactions.push(transaction);
}

/** Looks at what is behind the last valid mark. Segments with no completed record in them are no loss. */
async function withBroken(run: Run, fs: FileSystem, dir: string, leftovers: number[], rest: number[], pace: Pace): Promise<LogContents> {
  const { header, state } = run;
  const frameBytes = FRAME_HEAD_BYTES + header.pageSize;
  const count = (start: number, from: number): Promise<number> =>
    withFileAsync(fs, dir, start, (handle) => countRecords(handle, frameBytes, from, state.sequence, pace));
  const inLast = await count(header.start, Math.max(SEGMENT_HEADER_BYTES, state.end - header.start));
  let later = 0;
  for (const start of rest) later += await count(start, SEGMENT_HEADER_BYTES);
  const broken = { transactions: inLast + later, inLast: inLast > 0, starts: later > 0 ? rest : [] };
  return { ...run, leftovers: later > 0 ? leftovers : [...leftovers, ...rest], broken };
}

function readHeader(handle: FileHandle): HeaderResult {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const got = handle.read(bytes, 0);
  return decodeSegmentHeader(bytes.subarray(0, got), handle.size());
}

function withFile<T>(fs: FileSystem, dir: string, start: number, task: (handle: FileHandle) => T): T {
  const handle = fs.open(fs.join(dir, segmentName(start)), "r");
  try {
    return task(handle);
  } finally {
    handle.close();
  }
}

async function withFileAsync<T>(fs: FileSystem, dir: string, start: number, task: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = fs.open(fs.join(dir, segmentName(start)), "r");
  try {
    return await task(handle);
  } finally {
    handle.close();
  }
}
