import { type Pgno, txid } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { decodePageFrame, encodeLtx } from "@headwater/ltx";
import { storePublisher } from "@headwater/replica";
import { type PagesReply, unpackFrames } from "../../src/index.js";
import { PAGE_SIZE, type World } from "./world.js";

/** One file of a replica: every page in `pages` has the content of version `max`. */
export interface FileSpec {
  readonly min: number;
  /** Default: `min`. */
  readonly max?: number;
  /** Default: 0. */
  readonly level?: number;
  /** Size of the database, in pages. */
  readonly commit: number;
  /** Page numbers, or version by page number; default: all. */
  readonly pages?: readonly number[] | ReadonlyMap<number, number>;
  /** Default: that of the last transaction, as a compacted file has it. */
  readonly timestampMs?: number;
}

/** A page that is told from every other by its content, and does not compress. */
export function versionOf(pgno: number, version: number): Uint8Array {
  const page = new SeededRandom(pgno * 7919 + version).bytes(PAGE_SIZE);
  const view = new DataView(page.buffer, page.byteOffset);
  view.setUint32(0, pgno);
  view.setUint32(4, version);
  return page;
}

/** Which version of which page it is. */
export function versionIn(page: Uint8Array | undefined): { pgno: number; version: number } | undefined {
  if (page === undefined) return undefined;
  const view = new DataView(page.buffer, page.byteOffset);
  const found = { pgno: view.getUint32(0), version: view.getUint32(4) };
  return Buffer.compare(page, versionOf(found.pgno, found.version)) === 0 ? found : undefined;
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** Puts a file into the world's replica; returns its key. */
export async function put(world: World, spec: FileSpec): Promise<string> {
  const { min, max = min, level = 0, commit, timestampMs = 1_700_000_000_000 + max } = spec;
  const given = spec.pages ?? range(1, commit);
  const versions = given instanceof Map ? given : new Map((given as readonly number[]).map((pgno) => [pgno, max]));
  const pages = [...versions].sort(([a], [b]) => a - b).map(([pgno, version]) => ({ pgno: pgno as Pgno, data: versionOf(pgno, version) }));
  const header = { pageSize: PAGE_SIZE, commit, minTXID: txid(min), maxTXID: txid(max), timestampMs };
  return (await storePublisher(world.store, world.layout).publish(encodeLtx({ header, pages }), level)).file.key;
}

/** Removes level-0 files, as retention does. */
export async function removeLevelZero(world: World, ...txids: readonly number[]): Promise<void> {
  for (const n of txids) await world.store.delete(world.layout.key(0, txid(n), txid(n)));
}

/** All pages of an answer, those that come as frames decoded. */
export function pagesOf({ pages, frames }: PagesReply): Map<number, Uint8Array> {
  const all = new Map(pages);
  if (frames !== undefined) for (const [pgno, frame] of unpackFrames(frames)) all.set(pgno, decodePageFrame(frame, 0, PAGE_SIZE).data);
  return all;
}
