import { HeadwaterError, type TXID } from "@headwater/core";
import type { CallOptions, ListPage, ObjectMeta, ObjectStore } from "@headwater/object-store";
import { type Layout, LEVELS, SNAPSHOT_LEVEL } from "./layout.js";
import { candidates, newestTXID, planRestore } from "./plan.js";
import { type ReplicaFile, replicaFileOf } from "./replica-file.js";

/** What a replica holds. */
export interface Listing {
  /** In the order of their keys. */
  readonly files: readonly ReplicaFile[];
  /** The store's own clock, milliseconds since the epoch; of several replies the earliest. */
  readonly dateMs: number;
  /** Keys of files that no plan uses, and whose presence wants an explanation: isolated level-0 files and the like. */
  readonly ignored: readonly string[];
}

export interface ListReplicaOptions extends CallOptions {
  /**
   * Every file, however many pages of a listing that takes. Without it, old files that can't be part of the newest
   * plan may be left out where there are more than a page of them. For time travel and upkeep.
   */
  readonly complete?: boolean;
}

/** Levels that are listed at once with the prefix, because a truncated first page holds level 0 only. */
const SHORTCUT_LEVELS: readonly number[] = [SNAPSHOT_LEVEL, 3, 2];

/**
 * Lists what is needed to plan for the newest TXID. In the layout of S3 the prefix and levels 9, 3 and 2 are listed
 * together, in one round trip; only when the first page of the prefix is truncated, levels 1 and 0 follow in a second
 * one, behind what the other levels cover. Should that not be enough for a plan, everything is listed.
 * In the other layout the prefix is listed whole.
 *
 * @throws What the store throws. A gap is not an error here.
 */
export async function listReplica(store: ObjectStore, layout: Layout, options: ListReplicaOptions = {}): Promise<Listing> {
  const call: CallOptions = options.signal === undefined ? {} : { signal: options.signal };
  const shortcut = layout.kind === "s3" && options.complete !== true;
  // These start before anything is awaited. When the first page says it all, nobody looks at them again: aborting
  // them would cost the connections that the next requests are about to use.
  const levels = shortcut ? SHORTCUT_LEVELS.map((level) => listAll(store, layout.levelPrefix(level), call)) : [];
  for (const level of levels) level.catch(() => undefined);

  const pages = store.list(layout.filesPrefix, call)[Symbol.asyncIterator]();
  const seen = new Collector(layout);
  const first = await pages.next();
  if (first.done === true) return seen.listing();
  seen.add(first.value);
  if (!first.value.truncated) {
    await pages.return?.();
    return seen.listing();
  }
  if (shortcut) {
    for (const level of await Promise.all(levels)) for (const page of level) seen.add(page);
    const level0Behind = await listLowLevels(store, layout, call, seen, first.value);
    if (isPlannable(seen.files())) {
      await pages.return?.();
      return seen.listing(level0Behind);
    }
  }
  for (let next = await pages.next(); next.done !== true; next = await pages.next()) seen.add(next.value);
  return seen.listing();
}

/**
 * Levels 1 and 0 behind what is known: the first page of the prefix, and what levels 2, 3 and 9 cover.
 *
 * @returns The TXID behind which all level-0 files are now known.
 */
async function listLowLevels(store: ObjectStore, layout: Layout, call: CallOptions, seen: Collector, first: ListPage): Promise<bigint> {
  const known = seen.files();
  const lastKey = first.objects.at(-1)?.key ?? "";
  const list = async (level: number, behind: bigint): Promise<void> => {
    const prefix = layout.levelPrefix(level);
    if (lastKey > `${prefix}~`) return; // the first page went past this level
    const bound = behind === 0n ? prefix : layout.key(level, behind as TXID, MAX_TXID);
    for (const page of await listAll(store, prefix, { ...call, startAfter: bound > lastKey ? bound : lastKey })) seen.add(page);
  };
  // Level 1 is compacted along the bounds of 2 and 3, but not along those of snapshots: a file of it that begins
  // before a snapshot's end may lead on from there.
  const [behind1, behind0] = [
    newestTXID(known.filter((f) => f.level === 2 || f.level === 3)),
    newestTXID(known.filter((f) => f.level > 1)),
  ];
  await Promise.all([list(1, behind1), list(0, behind0)]);
  return layout.key(0, maxBigInt(behind0, 1n) as TXID, MAX_TXID) > lastKey ? behind0 : 0n;
}

/** Sorts behind every other in a key. */
export const MAX_TXID: TXID = (2n ** 64n - 1n) as TXID;

function maxBigInt(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** All pages of a listing. */
export async function listAll(
  store: ObjectStore,
  prefix: string,
  options: CallOptions & { readonly startAfter?: string },
): Promise<ListPage[]> {
  const pages: ListPage[] = [];
  for await (const page of store.list(prefix, options)) pages.push(page);
  return pages;
}

function isPlannable(files: readonly ReplicaFile[]): boolean {
  try {
    return planRestore(files) !== undefined;
  } catch (error) {
    if (HeadwaterError.is(error) && error.code === "REPLICA_GAP") return false;
    throw error;
  }
}

/** Gathers pages of several listings; a key that several of them show counts once, as it was seen last. */
export class Collector {
  readonly #layout: Layout;
  readonly #files = new Map<string, ReplicaFile>();
  readonly #malformed = new Set<string>();
  #dateMs = Number.POSITIVE_INFINITY;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  add(page: ListPage): void {
    this.#dateMs = Math.min(this.#dateMs, page.dateMs);
    for (const object of page.objects) this.#addObject(object);
  }

  #addObject(object: ObjectMeta): void {
    const file = replicaFileOf(this.#layout, object);
    if (file !== undefined) this.#files.set(file.key, file);
    else if (isNearMiss(this.#layout, object.key)) this.#malformed.add(object.key);
  }

  files(): ReplicaFile[] {
    return [...this.#files.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** @param level0Behind - Nothing can be said of level-0 files up to this TXID, because not all were listed. */
  listing(level0Behind = 0n): Listing {
    const files = this.files();
    const { isolated, notSnapshots } = candidates(files);
    const ignored = [...isolated.filter((f) => f.minTXID > level0Behind), ...notSnapshots].map((f) => f.key);
    return { files, dateMs: Number.isFinite(this.#dateMs) ? this.#dateMs : 0, ignored: [...ignored, ...this.#malformed].sort() };
  }
}

/** What looks like an LTX file in a level's place and is none. Anything else beside the files is not our business. */
function isNearMiss(layout: Layout, key: string): boolean {
  return key.endsWith(".ltx") && LEVELS.some((level) => key.startsWith(layout.levelPrefix(level)));
}
