import type { Runtime } from "@headwater/core";
import { type FrameRef, fileIdentity, type ReplicaFile, sameFile, type View } from "@headwater/replica";
import { slicesOf } from "./pace.js";
import type { FileRange } from "./verified-file.js";

/** Frames of one file with less than this between them are read as one range: what a store delivers in a round trip. */
export const GAP_BYTES_MAX: number = 1024 * 1024;
/** A file of up to this size is read whole, which costs no more and verifies it. */
export const SMALL_FILE_BYTES_MAX: number = 1024 * 1024;
/** A file of which this part is wanted is read whole and verified. */
const WHOLE_PART = 3 / 4;

/** The pages that are wanted of one file. */
export interface Wanted {
  readonly file: ReplicaFile;
  readonly pgnos: number[];
  /** Of their frames. */
  bytes: number;
}

/** How a file is read. */
export type Manner = "whole" | "verified" | "parts";

/** Gathers pages by the file that holds them, newest file first: those are the first to be deleted by retention. */
export async function groupByFile(pgnos: Iterable<number>, view: () => View, runtime: Runtime): Promise<Wanted[]> {
  const groups = new Map<string, Wanted>();
  const byFile = new Map<ReplicaFile, Wanted>(); // saves building the identity for each page
  const slices = slicesOf(runtime);
  for (const pgno of pgnos) {
    const frame = view().lookup(pgno);
    if (frame !== undefined) add(groups, byFile, pgno, frame);
    if (slices.spent(1)) await slices.turn();
  }
  return [...groups.values()].sort((a, b) => (a.file.maxTXID > b.file.maxTXID ? -1 : a.file.maxTXID < b.file.maxTXID ? 1 : 0));
}

function add(groups: Map<string, Wanted>, byFile: Map<ReplicaFile, Wanted>, pgno: number, frame: FrameRef): void {
  let group = byFile.get(frame.file);
  if (group === undefined) {
    const identity = fileIdentity(frame.file);
    group = groups.get(identity) ?? { file: frame.file, pgnos: [], bytes: 0 };
    groups.set(identity, group);
    byFile.set(frame.file, group);
  }
  group.pgnos.push(pgno);
  group.bytes += frame.size;
}

export function mannerOf({ file, bytes }: Wanted): Manner {
  if (file.size <= SMALL_FILE_BYTES_MAX) return "whole";
  return bytes >= file.size * WHOLE_PART ? "verified" : "parts";
}

/** Ranges over the wanted frames of one file, gaps merged, each of at most `bytesMax` (or one frame). */
export function cutIntoParts(wanted: Wanted, view: View, bytesMax: number): (FileRange & { readonly pgnos: Uint32Array })[] {
  const frames = wanted.pgnos.flatMap((pgno) => {
    const frame = view.lookup(pgno);
    return frame !== undefined && sameFile(frame.file, wanted.file) ? [{ pgno, start: frame.offset, end: frame.offset + frame.size }] : [];
  });
  frames.sort((a, b) => a.start - b.start);
  const parts: { start: number; end: number; pgnos: number[] }[] = [];
  for (const { pgno, start, end } of frames) {
    const part = parts.at(-1);
    if (part === undefined || start - part.end > GAP_BYTES_MAX || end - part.start > bytesMax) parts.push({ start, end, pgnos: [pgno] });
    else {
      part.end = end;
      part.pgnos.push(pgno);
    }
  }
  return parts.map((part) => ({ ...part, pgnos: Uint32Array.from(part.pgnos) }));
}
