import type { FileSystem, Runtime } from "@headwater/core";

/** A segment is two files: the bytes, and the index that says whose they are. */
const DATA = ".data";
const INDEX = ".index";
const NAME = /^([0-9a-f]{12}-[0-9a-f]{8})\.(?:data|index)$/;
const FOLDER = /^[0-9a-f]{16}$/;

/** One segment of any database that keeps its ranges under this path. */
export interface StoredSegment {
  readonly dir: string;
  /** Sorts by the time at which it was begun. */
  readonly name: string;
  /** Bytes of both files. */
  readonly bytes: number;
}

export function dataPath(fs: FileSystem, dir: string, name: string): string {
  return fs.join(dir, name + DATA);
}

export function indexPath(fs: FileSystem, dir: string, name: string): string {
  return fs.join(dir, name + INDEX);
}

/** A name that no other process has: the time, and chance. */
export function newSegmentName({ clock, random }: Runtime): string {
  const time = Math.max(0, Math.floor(clock.nowMs())).toString(16).padStart(12, "0").slice(-12);
  return `${time}-${random.nextU32().toString(16).padStart(8, "0")}`;
}

/** When a segment was begun, by the clock of whoever did. */
export function beganAtMs(name: string): number {
  return Number.parseInt(name.slice(0, 12), 16);
}

/** The segments in one folder, oldest first. What else lies there is not ours. */
export function listSegments(fs: FileSystem, dir: string): StoredSegment[] {
  const bytes = new Map<string, number>();
  for (const entry of fs.list(dir)) {
    const name = NAME.exec(entry)?.[1];
    // It may be gone by now: another process makes room as well.
    if (name !== undefined) bytes.set(name, (bytes.get(name) ?? 0) + (fs.stat(fs.join(dir, entry))?.size ?? 0));
  }
  return [...bytes].map(([name, size]) => ({ dir, name, bytes: size })).sort((a, b) => compare(a.name, b.name));
}

/** The segments of all databases under one path, oldest first. */
export function listAllSegments(fs: FileSystem, path: string): StoredSegment[] {
  const folders = fs.list(path).filter((entry) => FOLDER.test(entry));
  return folders.flatMap((folder) => listSegments(fs, fs.join(path, folder))).sort((a, b) => compare(a.name, b.name));
}

/** The index goes first: bytes without one are nobody's. */
export function removeSegment(fs: FileSystem, dir: string, name: string): void {
  fs.remove(indexPath(fs, dir, name));
  fs.remove(dataPath(fs, dir, name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
