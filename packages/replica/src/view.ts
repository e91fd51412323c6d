import { formatTXID, HeadwaterError, isPageSize, lockPgno, OptionError, type TXID } from "@headwater/core";
import { HEADER_SIZE, type Header, isSnapshot, type PageIndex, type Trailer } from "@headwater/ltx";
import { corrupt } from "./errors.js";
import { History } from "./history.js";
import {
  type Bounded,
  FRAME_SIZE_LIMIT,
  fileAt,
  findEntry,
  layerOf,
  mergeLayers,
  OFFSET_LIMIT,
  offsetAt,
  pgnoAt,
  sizeAt,
  slotsOf,
  trimmed,
} from "./index-layer.js";
import { type ReplicaFile, sameFile } from "./replica-file.js";

/** Where one page lies. */
export interface FrameRef {
  readonly file: ReplicaFile;
  /** Byte offset of the page frame in the file. */
  readonly offset: number;
  /** Bytes of the whole frame. */
  readonly size: number;
}

/** A file of the replica whose header, page index and trailer are known. */
export interface OpenFile {
  readonly file: ReplicaFile;
  readonly header: Header;
  readonly index: PageIndex;
  readonly trailer: Trailer;
}

/** The frames of one file that a view uses. */
export interface FileFrames {
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

interface State {
  readonly txid: TXID;
  readonly pageSize: number;
  readonly commit: number;
  readonly newest: Omit<OpenFile, "index"> | undefined;
  readonly history: History;
}

/** Layers above the base are merged into it when together they hold more than this part of its entries. */
const UPPER_PART_MAX = 1 / 4;

/**
 * One immutable state of the database: its size, and where each of its pages lies in the replica. At most 16 bytes a
 * page: one dense layer of 12, and younger layers above it that grow to a quarter of it before they are merged down.
 */
export class View {
  readonly #state: State;
  /** Oldest first, each at most half as large as the one before. Replaced only by what says the same. */
  #layers: readonly Bounded[];
  #files: readonly ReplicaFile[] | undefined;
  #grouped: ReadonlyMap<ReplicaFile, Uint32Array> | undefined;

  private constructor(state: State, layers: readonly Bounded[]) {
    this.#state = state;
    this.#layers = layers;
  }

  /** A database without pages, before its first transaction. @throws {OptionError} `BAD_OPTION` for a bad page size. */
  static empty(pageSize: number): View {
    if (!isPageSize(pageSize)) throw new OptionError("BAD_OPTION", `not a page size; pageSize=${pageSize}`);
    return new View({ txid: 0n as TXID, pageSize, commit: 0, newest: undefined, history: History.start() }, []);
  }

  /** The newest transaction that is part of it; 0 for {@link empty}. */
  get txid(): TXID {
    return this.#state.txid;
  }
  /** Bytes. */
  get pageSize(): number {
    return this.#state.pageSize;
  }
  /** Size of the database in pages. */
  get commit(): number {
    return this.#state.commit;
  }
  /** Header and trailer of the file that was adopted last. */
  get newest(): { readonly file: ReplicaFile; readonly header: Header; readonly trailer: Trailer } | undefined {
    return this.#state.newest;
  }

  /** The files that hold its pages, and the newest, oldest first. May name files whose pages have all been replaced. */
  get files(): readonly ReplicaFile[] {
    this.#files ??= this.#listFiles();
    return this.#files;
  }

  /** Bytes that the page index takes. */
  get indexBytes(): number {
    return this.#layers.reduce((sum, { layer }) => sum + layer.words.byteLength + (layer.pgnos?.byteLength ?? 0), 0);
  }

  /**
   * Makes sure that {@link lookup} can answer for these pages. Undefined: it can already. (Today the index is always
   * whole; a base index loaded in parts would return a promise here, so whoever can wait calls this first.)
   */
  load(_pgnos: readonly number[], _options?: { readonly signal?: AbortSignal }): Promise<void> | undefined {
    return undefined;
  }

  /** Where a page lies. Undefined: it reads as zeros if it is within {@link commit}, and is no page otherwise. */
  lookup(pgno: number): FrameRef | undefined {
    if (pgno > this.commit || pgno === lockPgno(this.pageSize)) return undefined;
    for (let i = this.#layers.length - 1; i >= 0; i -= 1) {
      const { layer, bound } = this.#layers[i] as Bounded;
      // What an older layer holds above a later commit was dropped for good, and so it was in all layers below.
      if (pgno > bound) return undefined;
      const entry = findEntry(layer, pgno);
      if (entry >= 0)
        return { file: layer.files[fileAt(layer, entry)] as ReplicaFile, offset: offsetAt(layer, entry), size: sizeAt(layer, entry) };
    }
    return undefined;
  }

  /**
   * The view after the next file: its pages replace ours, and everything above its commit is dropped for good. This
   * view stays as it is. Costs are those of the new pages, spread over many calls.
   *
   * @throws `REPLICA_GAP` when the file does not follow on from {@link txid}; `LTX_CORRUPT` when it contradicts its
   *   name, its own size, or this view's page size or checksum.
   */
  extend(next: OpenFile): View {
    checkFollows(this, next);
    checkEntries(next);
    const { file, header, index, trailer } = next;
    // A snapshot holds every page, so nothing older shows through.
    const fresh = isSnapshot(header);
    const older = fresh ? [] : this.#layers.map(({ layer, bound }) => trimmed({ layer, bound: Math.min(bound, header.commit) }));
    const layers = [...older, { layer: layerOf(file, index, header.commit), bound: header.commit }].filter(({ layer }) => layer.count > 0);
    const history = fresh && this.commit > 0 ? History.start() : this.#state.history.next(index.pgnos, this.commit, header.commit);
    const { pageSize, commit, maxTXID } = header;
    return new View({ txid: maxTXID, pageSize, commit, newest: { file, header, trailer }, history }, settle(layers));
  }

  /** The frames of a file that this view still uses, by offset. Empty arrays for a file that it does not use. */
  framesOf(file: ReplicaFile): FileFrames {
    this.#grouped ??= this.#group();
    const key = this.files.find((f) => sameFile(f, file));
    const pgnos = (key && this.#grouped.get(key)) ?? new Uint32Array(0);
    const frames = { pgnos, offsets: new Float64Array(pgnos.length), sizes: new Uint32Array(pgnos.length) };
    const layer = this.#layers[0]?.layer; // the only one, after #group
    for (let i = 0; i < pgnos.length && layer !== undefined; i += 1) {
      const entry = findEntry(layer, pgnos[i] ?? 0);
      frames.offsets[i] = offsetAt(layer, entry);
      frames.sizes[i] = sizeAt(layer, entry);
    }
    return frames;
  }

  /**
   * The pages that may differ from an older view, ascending, up to the larger of both sizes; those between the two
   * sizes, and between them and any smaller one on the way, count as different. `"all"` when this view does not come
   * from that one by {@link extend}, or so much has changed that it is no longer known.
   */
  changedSince(older: View): Uint32Array | "all" {
    return this.#state.history.since(older.#state.history, older.commit, this.commit);
  }

  #listFiles(): readonly ReplicaFile[] {
    const files = this.#layers.flatMap(({ layer }) => layer.files);
    const newest = this.#state.newest?.file;
    if (newest !== undefined && !files.includes(newest)) files.push(newest);
    return [...new Set(files)].sort((a, b) => (a.maxTXID < b.maxTXID ? -1 : a.maxTXID > b.maxTXID ? 1 : 0));
  }

  /** Pgnos by file. Puts all layers into one first, which changes nothing that can be seen. */
  #group(): ReadonlyMap<ReplicaFile, Uint32Array> {
    let base = this.#layers[0];
    if (base === undefined) return new Map();
    for (const upper of this.#layers.slice(1)) base = { layer: mergeLayers(base, upper), bound: upper.bound };
    this.#layers = [base];
    this.#files = undefined;
    return groupByFile(base);
  }
}

function groupByFile({ layer, bound }: Bounded): ReadonlyMap<ReplicaFile, Uint32Array> {
  const slots = slotsOf(layer);
  const isUsed = (entry: number): boolean => sizeAt(layer, entry) > 0 && pgnoAt(layer, entry) <= bound;
  const counts = new Uint32Array(layer.files.length + 1);
  for (let i = 0; i < slots; i += 1) if (isUsed(i)) counts[fileAt(layer, i) + 1] = (counts[fileAt(layer, i) + 1] ?? 0) + 1;
  for (let f = 1; f < counts.length; f += 1) counts[f] = (counts[f] ?? 0) + (counts[f - 1] ?? 0);
  const ends = counts.slice();
  const pgnos = new Uint32Array(ends.at(-1) ?? 0);
  for (let i = 0; i < slots; i += 1) {
    if (!isUsed(i)) continue;
    const file = fileAt(layer, i);
    const at = ends[file] ?? 0;
    pgnos[at] = pgnoAt(layer, i);
    ends[file] = at + 1;
  }
  return new Map(layer.files.map((file, f) => [file, pgnos.subarray(counts[f], ends[f])]));
}

/** Merges neighbours until each layer is at most half as large as the one below, and all but the base are small. */
function settle(layers: Bounded[]): readonly Bounded[] {
  const mergeTop = (): void => {
    const newer = layers.pop() as Bounded;
    const older = layers.pop() as Bounded;
    const layer = mergeLayers(older, newer);
    if (layer.count > 0) layers.push({ layer, bound: newer.bound });
  };
  const sizeFromTop = (depth: number): number => layers.at(-1 - depth)?.layer.count ?? 0;
  while (layers.length > 2 && sizeFromTop(1) < 2 * sizeFromTop(0)) mergeTop();
  const upper = layers.slice(1).reduce((sum, { layer }) => sum + layer.count, 0);
  if (upper > (layers[0]?.layer.count ?? 0) * UPPER_PART_MAX) while (layers.length > 1) mergeTop();
  return layers;
}

function checkFollows(view: View, { file, header }: OpenFile): void {
  const named = `minTXID=${formatTXID(header.minTXID)} maxTXID=${formatTXID(header.maxTXID)}`;
  if (header.minTXID !== file.minTXID || header.maxTXID !== file.maxTXID)
    throw corrupt(file, "its header names other transactions than its key", named);
  if (header.pageSize !== view.pageSize) {
    throw corrupt(file, "its page size is not that of the files before it", `pageSize=${header.pageSize} expected=${view.pageSize}`);
  }
  if (header.minTXID > view.txid + 1n || header.maxTXID <= view.txid) {
    throw new HeadwaterError(
      "REPLICA_GAP",
      `a file does not follow on from the state that is at hand; list the replica again; key=${file.key} ${named} at=${formatTXID(view.txid)}`,
    );
  }
  const before = view.newest;
  const tracked = before !== undefined && !before.header.noChecksum && !header.noChecksum;
  if (tracked && header.minTXID === view.txid + 1n && header.preApplyChecksum !== before.trailer.postApplyChecksum) {
    throw corrupt(
      file,
      "it was made for another state of the database than the files before it give",
      `preApplyChecksum=${header.preApplyChecksum.toString(16)} expected=${before.trailer.postApplyChecksum.toString(16)}`,
    );
  }
}

/** What the codec checks as well, but a view that trusted a wrong entry would read outside of the file. */
function checkEntries({ file, index }: OpenFile): void {
  const { count, pgnos, offsets, sizes } = index;
  if (pgnos.length !== count || offsets.length !== count || sizes.length !== count) throw corrupt(file, "its page index is cut");
  let previous = 0;
  for (let i = 0; i < count; i += 1) {
    const [pgno, offset, size] = [pgnos[i] ?? 0, offsets[i] ?? 0, sizes[i] ?? 0];
    const inside = offset >= HEADER_SIZE && size > 0 && size < FRAME_SIZE_LIMIT && offset < OFFSET_LIMIT && offset + size <= file.size;
    if (!inside || !Number.isInteger(offset))
      throw corrupt(file, "its page index points outside of it", `pgno=${pgno} offset=${offset} frame=${size} size=${file.size}`);
    if (pgno <= previous) throw corrupt(file, "its page index is out of order", `pgno=${pgno} after=${previous}`);
    previous = pgno;
  }
}
