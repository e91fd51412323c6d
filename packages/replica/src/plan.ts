import { formatTXID, HeadwaterError, type TXID } from "@headwater/core";
import { SNAPSHOT_LEVEL } from "./layout.js";
import type { ReplicaFile } from "./replica-file.js";

/** The files that give one state of the database, oldest first: each begins where the one before ends, or earlier. */
export interface Plan {
  readonly files: readonly ReplicaFile[];
  /** The state that the last file leads to. */
  readonly txid: TXID;
}

/** Files that no plan uses, whatever its target, beside those that plans are made of. */
export interface Candidates {
  /** What plans are made of. */
  readonly usable: readonly ReplicaFile[];
  /** Level-0 files that a higher level covers. Not a fault: they await their deletion. */
  readonly covered: readonly ReplicaFile[];
  /** Level-0 files apart from the contiguous run that ends at the newest TXID. */
  readonly isolated: readonly ReplicaFile[];
  /** Files at the snapshot level that are no snapshots, because they don't begin at TXID 1. */
  readonly notSnapshots: readonly ReplicaFile[];
}

/**
 * Sorts out what plans may be made of. A writer that was suspended can put a level-0 file long after its TXID was
 * compacted and its key deleted; such a file tells another history. Hence a TXID that a higher level covers is read
 * from there, always, and level-0 files count only as the contiguous run that ends at the newest TXID.
 */
export function candidates(files: readonly ReplicaFile[]): Candidates {
  const notSnapshots = files.filter((f) => f.level === SNAPSHOT_LEVEL && f.minTXID !== 1n);
  const higher = files.filter((f) => f.level > 0 && (f.level !== SNAPSHOT_LEVEL || f.minTXID === 1n));
  const level0 = files.filter((f) => f.level === 0);
  const newest = newestTXID([...higher, ...level0]);
  const inRun = runEndingAt(level0, newest);
  const covers = union(higher);
  const usable: ReplicaFile[] = [...higher];
  const covered: ReplicaFile[] = [];
  const isolated: ReplicaFile[] = [];
  for (const file of level0) {
    if (!inRun.has(file)) isolated.push(file);
    else if (isCovered(file, covers)) covered.push(file);
    else usable.push(file);
  }
  return { usable, covered, isolated, notSnapshots };
}

/**
 * The fewest files that reach `target` contiguously from TXID 1 or a snapshot; the newest TXID if no target is given.
 * Among as many, the smaller.
 *
 * @returns Undefined where there are no files at all: an empty replica.
 * @throws `REPLICA_GAP` when TXIDs are missing on the way; `OUT_OF_RANGE` when the target is newer than the replica, or
 *   when it can't be told from its neighbours any more because a compacted file spans it.
 */
export function planRestore(files: readonly ReplicaFile[], target?: TXID): Plan | undefined {
  if (files.length === 0) return undefined;
  const { usable } = candidates(files);
  const newest = newestTXID(usable);
  const goal = target ?? newest;
  if (target !== undefined && (goal < 1n || goal > newest)) throw outOfRange(goal, usable);
  const plan = goal === 0n ? undefined : cheapest(usable, goal);
  if (plan !== undefined) return { files: plan, txid: goal as TXID };
  throw gapBefore(usable, goal) ?? outOfRange(goal, usable);
}

/**
 * The fewest files that lead from a state that is at hand to the newest TXID, without a snapshot. Rules as in
 * {@link candidates}, but that a snapshot that covers a TXID does not take its level-0 file's place: those of levels 1
 * to 8 do, and before one of them covers it, no level-0 file is deleted, so none can be put a second time.
 *
 * @returns Undefined where nothing is newer.
 * @throws `REPLICA_GAP` when the files don't lead there: plan anew, with {@link planRestore}.
 */
export function planForward(files: readonly ReplicaFile[], from: TXID): Plan | undefined {
  const { usable } = candidates(files.filter((f) => f.level !== SNAPSHOT_LEVEL));
  const goal = newestTXID(files);
  if (goal <= from) return undefined;
  const plan = cheapest(usable, goal, from);
  if (plan !== undefined) return { files: plan, txid: goal as TXID };
  throw new HeadwaterError(
    "REPLICA_GAP",
    `the files at hand do not lead from the state that is at hand to the newest; list the whole replica and plan anew; from=${formatTXID(from)} newest=${formatTXID(goal)}`,
  );
}

/** The newest TXID of any file; 0 where there is none. */
export function newestTXID(files: readonly ReplicaFile[]): bigint {
  let newest = 0n;
  for (const { maxTXID } of files) if (maxTXID > newest) newest = maxTXID;
  return newest;
}

/** Every TXID whose state can be had from these files, oldest first. */
export function restorableTXIDs(files: readonly ReplicaFile[]): TXID[] {
  return restorable(candidates(files).usable);
}

function restorable(usable: readonly ReplicaFile[]): TXID[] {
  const ends: TXID[] = [];
  for (const file of [...usable].sort((a, b) => compare(a.maxTXID, b.maxTXID))) {
    if (file.maxTXID === ends.at(-1)) continue;
    // It begins at the start, or at or behind a state that can be had.
    if (file.minTXID === 1n || someWithin(ends, file.minTXID - 1n, file.maxTXID - 1n)) ends.push(file.maxTXID);
  }
  return ends;
}

/** True if one of the ascending numbers lies within the bounds, both included. */
function someWithin(ascending: readonly bigint[], from: bigint, to: bigint): boolean {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0n) < from) low = middle + 1;
    else high = middle;
  }
  const found = ascending[low];
  return found !== undefined && found <= to;
}

/** The level-0 files that follow on from one another up to `newest`. */
function runEndingAt(level0: readonly ReplicaFile[], newest: bigint): Set<ReplicaFile> {
  const run = new Set<ReplicaFile>();
  let start = newest + 1n;
  for (const file of [...level0].sort((a, b) => compare(b.maxTXID, a.maxTXID))) {
    if (file.maxTXID < start - 1n) break;
    run.add(file);
    if (file.minTXID < start) start = file.minTXID;
  }
  return run;
}

interface Interval {
  readonly min: bigint;
  max: bigint;
}

/** The TXIDs of all files as disjoint intervals, ascending, neighbours joined. */
function union(files: readonly ReplicaFile[]): Interval[] {
  const out: Interval[] = [];
  for (const { minTXID, maxTXID } of [...files].sort((a, b) => compare(a.minTXID, b.minTXID))) {
    const last = out.at(-1);
    if (last === undefined || minTXID > last.max + 1n) out.push({ min: minTXID, max: maxTXID });
    else if (maxTXID > last.max) last.max = maxTXID;
  }
  return out;
}

function isCovered(file: ReplicaFile, covers: readonly Interval[]): boolean {
  let low = 0;
  let high = covers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((covers[middle]?.max ?? 0n) < file.maxTXID) low = middle + 1;
    else high = middle;
  }
  const found = covers[low];
  return found !== undefined && found.min <= file.minTXID;
}

/** Goes as far as one file can, again and again: with intervals that needs the fewest. */
function cheapest(usable: readonly ReplicaFile[], goal: bigint, from = 0n): ReplicaFile[] | undefined {
  const ordered = usable.filter((f) => f.maxTXID <= goal).sort((a, b) => compare(a.minTXID, b.minTXID));
  const plan: ReplicaFile[] = [];
  let furthest: ReplicaFile | undefined;
  let seen = 0;
  for (let reached = from; reached < goal; reached = furthest.maxTXID) {
    for (let file = ordered[seen]; file !== undefined && file.minTXID <= reached + 1n; file = ordered[++seen]) {
      if (furthest === undefined || isBetter(file, furthest)) furthest = file;
    }
    if (furthest === undefined || furthest.maxTXID <= reached) return undefined;
    plan.push(furthest);
  }
  return plan;
}

function isBetter(file: ReplicaFile, than: ReplicaFile): boolean {
  return file.maxTXID === than.maxTXID ? file.size < than.size : file.maxTXID > than.maxTXID;
}

/** The error that names the first TXIDs missing on the way to `goal`; undefined where none is. */
function gapBefore(usable: readonly ReplicaFile[], goal: bigint): HeadwaterError | undefined {
  const [first, second] = union(usable);
  if (first !== undefined && first.min === 1n && first.max >= goal) return undefined;
  const from = first !== undefined && first.min === 1n ? first.max + 1n : 1n;
  const to = (first === undefined || first.min === 1n ? second?.min : first.min) ?? goal + 1n;
  return new HeadwaterError(
    "REPLICA_GAP",
    `the replica misses transactions that lead to the state that was asked for; list it again, and if they stay missing restore them from a backup or go back to an older state; missing=${formatTXID(from)}-${formatTXID(to - 1n)} wanted=${formatTXID(goal)}`,
  );
}

function outOfRange(goal: bigint, usable: readonly ReplicaFile[]): HeadwaterError {
  const states = restorable(usable);
  const before = states.findLast((t) => t < goal);
  const after = states.find((t) => t > goal);
  const [oldest, newest] = [states[0], states.at(-1)];
  const near = [before, after].filter((t) => t !== undefined).map(formatTXID);
  return new HeadwaterError(
    "OUT_OF_RANGE",
    `the replica has no state at this transaction (it is not there yet, or a compacted file spans it); take one that it has; wanted=${goal < 0n ? goal : formatTXID(goal)} nearest=${near.join(",") || "none"} oldest=${oldest === undefined ? "none" : formatTXID(oldest)} newest=${newest === undefined ? "none" : formatTXID(newest)}`,
  );
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
