import { formatTXID, HeadwaterError, isPageSize, lockPgno, OptionError, runToEnd, type Steps, type TXID } from "@headwater/core";
import { HEADER_SIZE, type Header, isSnapshot, type PageIndex, type Trailer } from "@headwater/ltx";
import { corrupt } from "./errors.js";
import type { BaseIndex } from "./frames/base-index.js";
import { FrameMap, type FrameMapEdit, type FrameRef } from "./frames/frame-map.js";
import { type FileFrames, FRAME_SIZE_LIMIT, OFFSET_LIMIT } from "./frames/leaf.js";
import { History, type HistoryStep } from "./history.js";
import { type ReplicaFile, sameFile } from "./replica-file.js";

export type { FrameRef } from "./frames/frame-map.js";
export type { FileFrames } from "./frames/leaf.js";

/** A file of the replica whose header, page index and trailer are known. */
export interface OpenFile {
  readonly file: ReplicaFile;
  readonly header: Header;
  readonly index: PageIndex;
  readonly trailer: Trailer;
}

interface State {
  readonly txid: TXID;
  readonly pageSize: number;
  readonly commit: number;
  readonly newest: Omit<OpenFile, "index"> | undefined;
  readonly history: History;
  /** All pages that are in no {@link base}. */
  readonly frames: FrameMap;
  readonly base: BoundedBase | undefined;
}

/** A base index in parts, and the highest page of it that still counts. */
interface BoundedBase {
  readonly index: BaseIndex;
  readonly bound: number;
}

/** Index entries that are dealt with before others get a turn: well under a millisecond. */
export const ENTRIES_PER_TURN = 8192;

/**
 * One immutable state of the database: its size, and where each of its pages lies in the replica. About 12 bytes a
 * page, at most 16. The page index of a very large snapshot is not held whole: {@link load} brings the parts of it that
 * are needed, and {@link lookup} answers once they are there.
 */
export class View {
  readonly #state: State;
  #files: readonly ReplicaFile[] | undefined;

  private constructor(state: State) {
    this.#state = state;
  }

  /** A database without pages, before its first transaction. @throws {OptionError} `BAD_OPTION` for a bad page size. */
  static empty(pageSize: number): View {
    if (!isPageSize(pageSize)) throw new OptionError("BAD_OPTION", `not a page size; pageSize=${pageSize}`);
    return new View({
      txid: 0n as TXID,
      pageSize,
      commit: 0,
      newest: undefined,
      history: History.start(),
      frames: FrameMap.EMPTY,
      base: undefined,
    });
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

  /** The files that hold its pages, and the newest, oldest first. */
  get files(): readonly ReplicaFile[] {
    this.#files ??= this.#listFiles();
    return this.#files;
  }

  /** Bytes that the page index takes, as far as it is at hand. */
  get indexBytes(): number {
    return this.#state.frames.bytes + (this.#state.base?.index.bytes ?? 0);
  }

  /** The snapshot whose page index is too large to be held whole: its parts come with {@link load}. Undefined: all is at hand. */
  get partlyIndexed(): ReplicaFile | undefined {
    return this.#state.base?.index.file;
  }

  /**
   * Makes sure that {@link lookup} can answer for these pages. Undefined: it can, now. After the promise, ask again:
   * other calls may have needed the room meanwhile.
   *
   * ```ts
   * for (let loading = view.load(pgnos); loading !== undefined; loading = view.load(pgnos)) await loading;
   * const frame = view.lookup(pgnos[0]); // before anything else is awaited
   * ```
   * @throws `LTX_CORRUPT` for a page index that contradicts itself; `ABORTED`; else what the store throws.
   */
  load(pgnos: readonly number[], options?: { readonly signal?: AbortSignal }): Promise<void> | undefined {
    const { base } = this.#state;
    if (base === undefined) return undefined;
    const missing = pgnos.filter((pgno) => !this.knows(pgno));
    return missing.length === 0 ? undefined : base.index.load(missing, options);
  }

  /** True if {@link lookup} can answer without {@link load}. */
  knows(pgno: number): boolean {
    const { base, frames } = this.#state;
    return !this.#isInBase(pgno) || frames.find(pgno) !== undefined || base?.index.has(pgno) === true;
  }

  /**
   * Where a page lies. Undefined: it reads as zeros if it is within {@link commit}, and is no page otherwise.
   *
   * @throws {OptionError} `BAD_OPTION` for a page that {@link knows} denies.
   */
  lookup(pgno: number): FrameRef | undefined {
    if (pgno > this.commit || pgno === lockPgno(this.pageSize)) return undefined;
    const frame = this.#state.frames.find(pgno);
    return frame === undefined && this.#isInBase(pgno) ? this.#state.base?.index.find(pgno) : frame;
  }

  /** True for pages of a base in parts, unless a later file has them too. */
  #isInBase(pgno: number): boolean {
    const { base } = this.#state;
    return base !== undefined && pgno >= 1 && pgno <= base.bound && pgno !== lockPgno(this.pageSize);
  }

  /**
   * The view after the next file: its pages replace ours, and everything above its commit is dropped for good. This
   * view stays as it is. Costs are those of the new pages.
   *
   * @throws `REPLICA_GAP` when the file does not follow on from {@link txid}; `LTX_CORRUPT` when it contradicts its
   *   name, its own size, or this view's page size or checksum.
   */
  extend(next: OpenFile): View {
    return runToEnd(this.extendSteps([next]));
  }

  /** {@link extend} by several files, oldest first. Yields after at most so many index entries. */
  *extendSteps(files: readonly OpenFile[], entriesPerStep: number = ENTRIES_PER_TURN): Steps<View> {
    let { txid, commit, newest, history, base } = this.#state;
    const { pageSize } = this.#state;
    let edit = this.#state.frames.edit();
    let steps: HistoryStep[] = [];
    for (const { file, header, index, trailer } of files) {
      checkFollows({ txid, pageSize, newest }, file, header);
      if (isSnapshot(header)) {
        // It holds every page, so nothing older shows through.
        edit = FrameMap.EMPTY.edit();
        base = undefined;
        if (commit > 0) [history, steps] = [History.start(), []];
      } else {
        if (header.commit < commit) yield* edit.cutAbove(header.commit);
        if (base !== undefined) base = { index: base.index, bound: Math.min(base.bound, header.commit) };
      }
      yield* putChecked(edit, file, header, index, entriesPerStep);
      steps.push({ pgnos: index.pgnos, commitBefore: commit, commit: header.commit });
      [txid, commit, newest] = [header.maxTXID, header.commit, { file, header, trailer }];
    }
    if (steps.length > 0) history = history.next(steps);
    return new View({ txid, pageSize, commit, newest, history, frames: edit.done(), base });
  }

  /**
   * The view after a snapshot whose page index is read in parts. Errors as of {@link extend}.
   * @internal
   */
  extendByBase({ file, header, trailer }: Omit<OpenFile, "index">, index: BaseIndex): View {
    checkFollows(this.#state, file, header);
    const { pageSize, commit, maxTXID } = header;
    const base = { index, bound: commit };
    const newest = { file, header, trailer };
    return new View({ txid: maxTXID, pageSize, commit, newest, history: History.start(), frames: FrameMap.EMPTY, base });
  }

  /**
   * The frames of a file that this view still uses, by offset. Empty arrays for a file that it does not use.
   * @throws {OptionError} `BAD_OPTION` for the file that {@link partlyIndexed} names.
   */
  framesOf(file: ReplicaFile): FileFrames {
    return runToEnd(this.framesOfSteps(file));
  }

  /** {@link framesOf}, yielding after some thousand entries of the index: it looks at all of them. */
  framesOfSteps(file: ReplicaFile): Steps<FileFrames> {
    if (this.partlyIndexed !== undefined && sameFile(this.partlyIndexed, file))
      throw new OptionError("BAD_OPTION", `the page index of this file is not held whole; key=${file.key}`);
    return this.#state.frames.framesOf(this.files.find((f) => sameFile(f, file)) ?? file);
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
    const { files } = this.#state.frames;
    for (const file of [this.partlyIndexed, this.#state.newest?.file]) if (file !== undefined && !files.includes(file)) files.push(file);
    return files.sort((a, b) => (a.maxTXID < b.maxTXID ? -1 : a.maxTXID > b.maxTXID ? 1 : 0));
  }
}

function checkFollows(at: Pick<State, "txid" | "pageSize" | "newest">, file: ReplicaFile, header: Header): void {
  const named = (): string => `minTXID=${formatTXID(header.minTXID)} maxTXID=${formatTXID(header.maxTXID)}`;
  if (header.minTXID !== file.minTXID || header.maxTXID !== file.maxTXID)
    throw corrupt(file, "its header names other transactions than its key", named());
  if (header.pageSize !== at.pageSize) {
    throw corrupt(file, "its page size is not that of the files before it", `pageSize=${header.pageSize} expected=${at.pageSize}`);
  }
  if (header.minTXID > at.txid + 1n || header.maxTXID <= at.txid) {
    throw new HeadwaterError(
      "REPLICA_GAP",
      `a file does not follow on from the state that is at hand; list the replica again; key=${file.key} ${named()} at=${formatTXID(at.txid)}`,
    );
  }
  const before = at.newest;
  const tracked = before !== undefined && !before.header.noChecksum && !header.noChecksum;
  if (tracked && header.minTXID === at.txid + 1n && header.preApplyChecksum !== before.trailer.postApplyChecksum) {
    throw corrupt(
      file,
      "it was made for another state of the database than the files before it give",
      `preApplyChecksum=${header.preApplyChecksum.toString(16)} expected=${before.trailer.postApplyChecksum.toString(16)}`,
    );
  }
}

/** Puts a file's entries up to its commit into the map, so many a step, each checked first. */
function* putChecked(edit: FrameMapEdit, file: ReplicaFile, header: Header, index: PageIndex, entriesPerStep: number): Steps<void> {
  const { count, pgnos, offsets, sizes } = index;
  if (pgnos.length !== count || offsets.length !== count || sizes.length !== count) throw corrupt(file, "its page index is cut");
  const number = edit.addFile(file);
  for (let start = 0; start < count; start += entriesPerStep) {
    if (start > 0) yield;
    const end = Math.min(count, start + entriesPerStep);
    checkEntries(file, index, start, end);
    let within = end;
    while (within > start && (pgnos[within - 1] ?? 0) > header.commit) within -= 1;
    edit.put(index, start, within, number);
  }
}

/** What the codec checks as well, but a view that trusted a wrong entry would read outside of the file. */
function checkEntries(file: ReplicaFile, { pgnos, offsets, sizes }: PageIndex, start: number, end: number): void {
  let previous = start === 0 ? 0 : (pgnos[start - 1] ?? 0);
  for (let i = start; i < end; i += 1) {
    const pgno = pgnos[i] ?? 0;
    const offset = offsets[i] ?? 0;
    const size = sizes[i] ?? 0;
    const inside = offset >= HEADER_SIZE && size > 0 && size < FRAME_SIZE_LIMIT && offset < OFFSET_LIMIT && offset + size <= file.size;
    if (!inside || !Number.isInteger(offset))
      throw corrupt(file, "its page index points outside of it", `pgno=${pgno} offset=${offset} frame=${size} size=${file.size}`);
    if (pgno <= previous) throw corrupt(file, "its page index is out of order", `pgno=${pgno} after=${previous}`);
    previous = pgno;
  }
}
