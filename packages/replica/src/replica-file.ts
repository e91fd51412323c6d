import type { TXID } from "@headwater/core";
import type { ETag, ObjectMeta } from "@headwater/object-store";
import type { Layout } from "./layout.js";

/**
 * One LTX file of a replica as a listing shows it. Key, ETag and size together identify it: keys can be used again (a
 * replica that was reset, a compaction made twice).
 */
export interface ReplicaFile {
  readonly key: string;
  readonly etag: ETag;
  /** Bytes. */
  readonly size: number;
  readonly level: number;
  readonly minTXID: TXID;
  readonly maxTXID: TXID;
  /** By the store's own clock, milliseconds since the epoch. */
  readonly lastModifiedMs: number;
}

/** The file that an object of a listing is, or undefined when its key is none of this replica's. */
export function replicaFileOf(layout: Layout, object: ObjectMeta): ReplicaFile | undefined {
  const parts = layout.parse(object.key);
  if (parts === undefined) return undefined;
  const { key, etag, size, lastModifiedMs } = object;
  return { key, etag, size, ...parts, lastModifiedMs };
}

/** True when both describe the same bytes. */
export function sameFile(a: ReplicaFile, b: ReplicaFile): boolean {
  return a === b || (a.key === b.key && a.etag === b.etag && a.size === b.size);
}

/** A text that is equal just for the same bytes. */
export function fileIdentity(file: ReplicaFile): string {
  return `${file.key}\n${file.etag}\n${file.size}`;
}
