import type { BigIntStats } from "node:fs";
import type { ETag } from "../port.js";

/** Identifies one state of a file: inode, modification time in nanoseconds, size. */
export function etagOf(stats: BigIntStats): ETag {
  return `"${stats.ino.toString(16)}-${stats.mtimeNs.toString(16)}-${stats.size.toString(16)}"` as ETag;
}
