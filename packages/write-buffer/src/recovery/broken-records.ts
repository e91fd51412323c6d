import type { FileHandle, Pace } from "@headwater/core";
import { decodeMarkFoot, decodeMarkHead, MARK_FOOT_BYTES, MARK_HEAD_BYTES } from "../log/record.js";

/**
 * Counts the completed records of a segment from `at` on, whatever they are worth. Behind the last valid mark, a process
 * that was killed leaves none. There are some after a crash of the machine that lost part of what was not made durable,
 * or where a file was damaged: commits that can't be gone on with, and that somebody should hear of.
 *
 * @param sequence - The last valid one.
 */
export async function countRecords(handle: FileHandle, frameBytes: number, from: number, sequence: number, pace: Pace): Promise<number> {
  const size = handle.size();
  const head = new Uint8Array(MARK_HEAD_BYTES);
  let found = 0;
  let at = from;
  while (at + MARK_HEAD_BYTES <= size) {
    const length = handle.read(head, at) === MARK_HEAD_BYTES ? markLength(handle, head, at, sequence) : undefined;
    if (length !== undefined) found += 1;
    // A frame that is torn keeps its place, so what follows is found all the same.
    at += length ?? frameBytes;
    if (pace.spent(frameBytes)) await pace.turn();
  }
  return found;
}

function markLength(handle: FileHandle, head: Uint8Array, at: number, sequence: number): number | undefined {
  const mark = decodeMarkHead(head);
  if (mark === undefined || mark.sequence <= sequence) return undefined;
  const foot = new Uint8Array(MARK_FOOT_BYTES);
  const got = handle.read(foot, at + mark.length - MARK_FOOT_BYTES);
  return got === MARK_FOOT_BYTES && decodeMarkFoot(foot)?.length === mark.length ? mark.length : undefined;
}
