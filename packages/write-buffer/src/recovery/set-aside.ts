import { type FileSystem, formatTXID, type TXID } from "@headwater/core";
import { bufferError, listSegments, segmentName, syncParent } from "../log/segment.js";
import { INTENT_FILE } from "../sync/intent-file.js";

/** Names the directory that a move under way goes to. While it is there, the move is not finished. */
const MOVING_FILE = "moving";
const SUFFIX = /^-aside-[0-9a-f]{16}-\d{8}T\d{9}Z(-\d{1,3})?$/;
const TRIES_MAX = 999;

/**
 * Moves a log out of the way, to a directory beside `dir` that is named after its base TXID and the time. Nothing is
 * deleted, and a crash in the middle is made good by {@link finishSetAside}.
 *
 * @returns The new directory.
 * @throws `BUFFER_UNWRITABLE`; what was moved by then is found again by the next call.
 */
export function setAside(fs: FileSystem, dir: string, baseTxid: TXID, nowMs: number): string {
  try {
    const time = new Date(nowMs).toISOString().replace(/[-:.]/g, "");
    let suffix = `-aside-${formatTXID(baseTxid)}-${time}`;
    for (let n = 2; fs.stat(dir + suffix) !== undefined && n <= TRIES_MAX; n += 1) suffix = `-aside-${formatTXID(baseTxid)}-${time}-${n}`;
    fs.mkdir(dir + suffix, 0o700);
    syncParent(fs, dir);
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

/** Finishes a move that a crash interrupted. @returns Where to; `undefined` if there was none. @throws `BUFFER_UNWRITABLE`. */
export function finishSetAside(fs: FileSystem, dir: string): string | undefined {
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

function move(fs: FileSystem, dir: string, suffix: string): string {
  const target = dir + suffix;
  for (const name of [INTENT_FILE, ...listSegments(fs, dir).map(segmentName)]) {
    if (fs.stat(fs.join(dir, name)) !== undefined) fs.rename(fs.join(dir, name), fs.join(target, name));
  }
  fs.syncDir(target);
  fs.syncDir(dir);
  fs.remove(fs.join(dir, MOVING_FILE));
  fs.syncDir(dir);
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
