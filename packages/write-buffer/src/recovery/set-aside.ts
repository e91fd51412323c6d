import { type FileHandle, type FileSystem, formatTXID, type TXID } from "@headwater/core";
import { bufferError, listSegments, segmentName, splitPath, syncParent } from "../log/segment.js";
import { INTENT_FILE } from "../sync/intent-file.js";

/** Names the directory that a move under way goes to. While it is there, the move is not finished. */
const MOVING_FILE = "moving";
const SUFFIX = /^-aside-[0-9a-f]{16}-\d{8}T\d{9}Z(-\d{1,3})?$/;
const TRIES_MAX = 999;
const COPY_BYTES = 256 * 1024;

/**
 * Moves a log out of the way, to a directory beside `dir` that is named after its base TXID and the time. Nothing is
 * deleted, and a crash in the middle is made good by {@link finishSetAside}.
 *
 * @returns The new directory.
 * @throws `BUFFER_UNWRITABLE`; what was moved by then is found again by the next call.
 */
export function setAside(fs: FileSystem, given: string, baseTxid: TXID, nowMs: number): string {
  const dir = trimmed(given);
  try {
    const suffix = makeNeighbour(fs, dir, baseTxid, nowMs);
    const handle = fs.open(fs.join(dir, MOVING_FILE), "w+", 0o600);
    try {
      handle.write(new TextEncoder().encode(suffix), 0);
      handle.sync();
    } finally {
      handle.close();
    }
    fs.syncDir(dir);
    return move(fs, dir, suffix);
  } catch (error) {
    throw bufferError("set the write buffer aside", dir, error);
  }
}

/**
 * Keeps segments that a log can't be gone on with in a directory beside it: those that it has no use for are moved, and
 * one that it will be cut in is copied. A crash in the middle leaves some of them in each place, and none in neither.
 *
 * @returns The new directory.
 * @throws `BUFFER_UNWRITABLE`.
 */
export function keepSegments(
  fs: FileSystem,
  given: string,
  segments: { readonly copied: number | undefined; readonly moved: readonly number[] },
  baseTxid: TXID,
  nowMs: number,
): string {
  const dir = trimmed(given);
  try {
    const target = dir + makeNeighbour(fs, dir, baseTxid, nowMs);
    const both = (start: number): [string, string] => [fs.join(dir, segmentName(start)), fs.join(target, segmentName(start))];
    if (segments.copied !== undefined) copyFile(fs, ...both(segments.copied));
    for (const start of segments.moved) fs.rename(...both(start));
    fs.syncDir(target);
    fs.syncDir(dir);
    return target;
  } catch (error) {
    throw bufferError("keep a copy of the write buffer", dir, error);
  }
}

function copyFile(fs: FileSystem, from: string, to: string): void {
  const source = fs.open(from, "r");
  try {
    const target = fs.open(to, "w+", 0o600);
    try {
      copy(source, target);
      target.sync();
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function copy(from: FileHandle, to: FileHandle): void {
  const chunk = new Uint8Array(COPY_BYTES);
  for (let at = 0; ; ) {
    const got = from.read(chunk, at);
    if (got === 0) return;
    to.write(chunk.subarray(0, got), at);
    at += got;
  }
}

/** Makes a directory for what is set aside, its name durable; returns what that adds to the buffer's. */
function makeNeighbour(fs: FileSystem, dir: string, baseTxid: TXID, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:.]/g, "");
  const first = `-aside-${formatTXID(baseTxid)}-${time}`;
  let suffix = first;
  for (let n = 2; fs.stat(dir + suffix) !== undefined && n <= TRIES_MAX; n += 1) suffix = `${first}-${n}`;
  fs.mkdir(dir + suffix, 0o700);
  syncParent(fs, dir);
  return suffix;
}

/** Finishes a move that a crash interrupted. @returns Where to; `undefined` if there was none. @throws `BUFFER_UNWRITABLE`. */
export function finishSetAside(fs: FileSystem, given: string): string | undefined {
  const dir = trimmed(given);
  const path = fs.join(dir, MOVING_FILE);
  if (fs.stat(path) === undefined) return undefined;
  try {
    const suffix = readText(fs, path);
    if (SUFFIX.test(suffix) && fs.stat(dir + suffix) !== undefined) return move(fs, dir, suffix);
    // It was never durable, and nothing is moved before it is.
    fs.remove(path);
    fs.syncDir(dir);
    return undefined;
  } catch (error) {
    throw bufferError("set the write buffer aside", dir, error);
  }
}

/** The directories beside `dir` that logs of it were set aside to, oldest first. */
export function listSetAside(fs: FileSystem, dir: string): string[] {
  const { parent, name } = splitPath(dir);
  if (fs.stat(parent) === undefined) return [];
  return fs
    .list(parent)
    .filter((entry) => entry.startsWith(name) && SUFFIX.test(entry.slice(name.length)))
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
    .map((entry) => trimmed(dir) + entry.slice(name.length));
}

/** Without slashes at its end, so that a suffix makes it a neighbour. */
function trimmed(dir: string): string {
  return dir.replace(/[\\/]+$/, "");
}

/** What follows the TXID in the name of a directory of ours. */
function timeOf(entry: string): string {
  return entry.slice(entry.lastIndexOf("-aside-") + "-aside-".length + 17);
}

function move(fs: FileSystem, dir: string, suffix: string): string {
  const target = dir + suffix;
  for (const name of [INTENT_FILE, ...listSegments(fs, dir).map(segmentName)]) {
    if (fs.stat(fs.join(dir, name)) !== undefined) fs.rename(fs.join(dir, name), fs.join(target, name));
  }
  fs.syncDir(target);
  fs.syncDir(dir);
  // Should the name come back after a crash, there will be nothing to move.
  fs.remove(fs.join(dir, MOVING_FILE));
  return target;
}

function readText(fs: FileSystem, path: string): string {
  const handle = fs.open(path, "r");
  try {
    const bytes = new Uint8Array(Math.min(handle.size(), 256));
    return new TextDecoder().decode(bytes.subarray(0, handle.read(bytes, 0)));
  } finally {
    handle.close();
  }
}
