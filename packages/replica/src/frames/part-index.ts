import { lockPgno, OptionError, throwIfAborted, unlessAborted } from "@headwater/core";
import {
  findPageIndexRun,
  HEADER_SIZE,
  INDEX_ENTRY_BYTES_MAX,
  INDEX_ENTRY_BYTES_MIN,
  PAGE_HEADER_SIZE,
  TRAILER_SIZE,
} from "@headwater/ltx";
import { Limiter } from "../concurrency.js";
import { corrupt } from "../errors.js";
import { againIfCorrupt, type RangeReader } from "../range-reader.js";
import type { ReplicaFile } from "../replica-file.js";
import type { BaseIndex } from "./base-index.js";
import { EntryBlocks } from "./entry-blocks.js";
import type { FrameRef } from "./frame-map.js";
import { type Anchor, Anchors, type Estimate, estimatePosition, varintLength } from "./index-estimate.js";

export interface PartIndexOptions {
  readonly file: ReplicaFile;
  readonly pageSize: number;
  /** Of the snapshot, in pages. */
  readonly commit: number;
  /** Bytes of the page index in the file, its terminating zero included: what its size field says. */
  readonly indexBytes: number;
  readonly reader: RangeReader;
  /** Memory for entries that are kept, beside those that someone waits for. */
  readonly entryBytesMax?: number;
  /** What one request asks for, normally: some thousand entries. */
  readonly partBytes?: number;
}

/** 12 MiB: the entries of 1.5 million pages. */
export const ENTRY_BYTES_MAX_DEFAULT: number = 12 * 1024 * 1024;
/** 64 KiB: about 6,500 entries, which is a database's neighbourhood of 26 MB. */
export const PART_BYTES_DEFAULT: number = 64 * 1024;
/** An estimate that was wrong once is made good by a part this large: it holds the entry wherever it may be. */
const SECOND_PART_BYTES_MAX: number = 2 * 1024 * 1024;
/** A part that would begin or end so close to a known place begins or ends there. */
const SNAP_BYTES = 2048;

/** Parts under way at a time. */
const CONCURRENCY = 16;

/** A part of the index under way. */
interface Flight {
  readonly start: number;
  readonly end: number;
  readonly controller: AbortController;
  readonly done: Promise<void>;
  waiters: number;
}

/**
 * The page index of a snapshot, read in parts as they are needed. Its entries are in the order of their pages, so the
 * place of one is estimated between places that are known; what is found there says which entries they are, and is one
 * more known place. A cold lookup takes one request, two where the estimate was too far off.
 *
 * An index that lies can make a page unreadable, but never give another one in its place: the frame says whose it is.
 */
export class PartIndex implements BaseIndex {
  readonly file: ReplicaFile;
  readonly #commit: number;
  readonly #pageSize: number;
  readonly #lockPgno: number;
  readonly #reader: RangeReader;
  readonly #partBytes: number;
  readonly #blocks: EntryBlocks;
  readonly #anchors: Anchors;
  readonly #limiter = new Limiter(CONCURRENCY);
  readonly #flights = new Set<Flight>();

  /** @throws `LTX_CORRUPT` when an index of that size can't be that of a snapshot of so many pages. */
  constructor({ file, pageSize, commit, indexBytes, reader, entryBytesMax, partBytes }: PartIndexOptions) {
    this.file = file;
    this.#commit = commit;
    this.#pageSize = pageSize;
    this.#lockPgno = lockPgno(pageSize);
    this.#reader = reader;
    this.#partBytes = partBytes ?? PART_BYTES_DEFAULT;
    this.#blocks = new EntryBlocks(entryBytesMax ?? ENTRY_BYTES_MAX_DEFAULT);
    const entries = commit >= this.#lockPgno ? commit - 1 : commit;
    const position = file.size - TRAILER_SIZE - SIZE_FIELD - indexBytes;
    const end = position + indexBytes - 1;
    const framesEnd = position - PAGE_HEADER_SIZE;
    const fits = end - position >= entries * INDEX_ENTRY_BYTES_MIN && end - position <= entries * INDEX_ENTRY_BYTES_MAX;
    if (entries < 1 || !fits || framesEnd <= HEADER_SIZE)
      throw corrupt(
        file,
        "a snapshot must hold every page, and its index is not of that size",
        `commit=${commit} indexBytes=${indexBytes}`,
      );
    this.#anchors = new Anchors({ entry: 0, position, offset: HEADER_SIZE }, { entry: entries, position: end, offset: framesEnd });
  }

  get bytes(): number {
    return this.#blocks.bytes + this.#anchors.count * ANCHOR_BYTES;
  }

  has(pgno: number): boolean {
    return this.#blocks.has(this.#entryOf(pgno));
  }

  find(pgno: number): FrameRef {
    const entry = this.#blocks.get(this.#entryOf(pgno));
    if (entry === undefined) throw new OptionError("BAD_OPTION", `the entry of this page is not at hand; load it first; pgno=${pgno}`);
    return { file: this.file, offset: entry.offset, size: entry.size };
  }

  load(pgnos: readonly number[], options: { readonly signal?: AbortSignal } = {}): Promise<void> | undefined {
    const entries = pgnos.map((pgno) => this.#entryOf(pgno));
    return entries.every((entry) => this.#blocks.has(entry)) ? undefined : this.#load(entries, options.signal);
  }

  /**
   * Takes in entries that came along: bytes of the file that lie within its page index, wherever they begin.
   *
   * @throws `LTX_CORRUPT` when they can't be entries of a snapshot.
   */
  takeBytes(position: number, bytes: Uint8Array): void {
    const first = this.#anchors.around(0).before.position;
    const last = this.#end.position;
    const [start, end] = [Math.max(first, position), Math.min(last, position + bytes.byteLength)];
    // Two entries at least, or where they begin can't be told.
    if (end - start < 3 * INDEX_ENTRY_BYTES_MAX) return;
    this.#takeIn(start, bytes.subarray(start - position, end - position));
  }

  /** Takes in the sizes of the first frames. @throws `LTX_CORRUPT` when they contradict the index. */
  takeFirst(sizes: Uint32Array): void {
    if (sizes.length === 0) return;
    const first = this.#anchors.around(0).before;
    let { position, offset } = first;
    for (const [entry, size] of sizes.entries()) {
      position += varintLength(this.#pgnoOf(entry)) + varintLength(offset) + varintLength(size);
      offset += size;
    }
    if (!this.#anchors.add({ entry: sizes.length, position, offset }))
      throw corrupt(this.file, "its page index is not that of its page frames", `position=${position} offset=${offset}`);
    this.#blocks.put(0, first.offset, sizes);
  }

  get #end(): Anchor {
    return this.#anchors.around(this.#commit).before;
  }

  #entryOf(pgno: number): number {
    if (!Number.isInteger(pgno) || pgno < 1 || pgno > this.#commit || pgno === this.#lockPgno)
      throw new OptionError("BAD_OPTION", `no page of this snapshot; pgno=${pgno} commit=${this.#commit}`);
    return pgno > this.#lockPgno ? pgno - 2 : pgno - 1;
  }

  async #load(entries: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const unpin = this.#blocks.pin(entries);
    try {
      for (let round = 0; ; round += 1) {
        throwIfAborted(signal);
        const missing = entries.filter((entry) => !this.#blocks.has(entry));
        if (missing.length === 0) return;
        await this.#waitAll(this.#flightsFor(missing, round), signal);
      }
    } finally {
      unpin();
    }
  }

  /** What brings the missing entries, if the estimates are right: parts under way, and new ones. */
  #flightsFor(missing: readonly number[], round: number): Set<Flight> {
    const flights = new Set<Flight>();
    for (const entry of missing) {
      const { before, after } = this.#anchors.around(entry);
      const estimate = this.#estimate(entry, before, after);
      const underWay = [...this.#flights].find(
        ({ start, end }) => estimate.position >= start && estimate.position + 2 * INDEX_ENTRY_BYTES_MAX <= end,
      );
      flights.add(underWay ?? this.#start(this.#rangeFor(estimate, before, after, round)));
    }
    return flights;
  }

  #estimate(entry: number, before: Anchor, after: Anchor): Estimate {
    const { position, low, high } = estimatePosition(entry, before, after, this.#pageSize);
    const within = (at: number): number => Math.min(after.position - 1, Math.max(before.position, at));
    return { position: within(position), low: within(low), high: within(high) };
  }

  #rangeFor({ position, low, high }: Estimate, before: Anchor, after: Anchor, round: number): { start: number; end: number } {
    const most = round === 0 ? this.#partBytes : SECOND_PART_BYTES_MAX;
    const sure = high - low + 2 * INDEX_ENTRY_BYTES_MAX <= most;
    const half = Math.floor((round === 0 || sure ? this.#partBytes : most) / 2);
    let start = sure ? Math.min(low, position - half) : position - half;
    let end = sure ? Math.max(high + 2 * INDEX_ENTRY_BYTES_MAX, position + half) : position + half;
    // An entry's beginning is recognised by what follows it, so a little more in front is taken.
    start -= INDEX_ENTRY_BYTES_MAX;
    if (start - before.position < SNAP_BYTES) start = before.position;
    if (after.position - end < SNAP_BYTES) end = after.position;
    return { start, end };
  }

  #start({ start, end }: { readonly start: number; readonly end: number }): Flight {
    const controller = new AbortController();
    const read = async (): Promise<void> => {
      try {
        await againIfCorrupt({ signal: controller.signal }, async (call) => {
          this.#takeIn(start, await this.#limiter.run(() => this.#reader.read(this.file, start, end, call)));
        });
      } finally {
        this.#flights.delete(flight);
      }
    };
    const flight: Flight = { start, end, controller, waiters: 0, done: Promise.resolve().then(read) };
    this.#flights.add(flight);
    return flight;
  }

  /** Waits for all of them. One that nobody waits for any more is called off. */
  async #waitAll(flights: ReadonlySet<Flight>, signal: AbortSignal | undefined): Promise<void> {
    for (const flight of flights) flight.waiters += 1;
    const all = Promise.all([...flights].map((flight) => flight.done));
    try {
      await unlessAborted(all, signal);
    } finally {
      for (const flight of flights) {
        flight.waiters -= 1;
        if (flight.waiters > 0) continue;
        this.#flights.delete(flight);
        flight.controller.abort(signal?.reason);
      }
    }
  }

  /** Recognises the entries in bytes of the index, checks them against what is known around them, and keeps them. */
  #takeIn(position: number, bytes: Uint8Array): void {
    const known = this.#anchors.at(position);
    const at = known === undefined ? undefined : { pgno: this.#pgnoOf(known.entry), offset: known.offset };
    const run = findPageIndexRun(bytes, this.#lockPgno, at);
    const fail = (what: string): Error => corrupt(this.file, `its page index ${what}`, `position=${position} bytes=${bytes.byteLength}`);
    if (run === undefined) throw fail("has entries that don't follow each other");
    if (run.firstPgno > this.#commit || run.firstPgno === this.#lockPgno) throw fail("names a page that a snapshot can't hold");
    const first = this.#entryOf(run.firstPgno);
    const begins = { entry: first, position: position + run.start, offset: run.firstOffset };
    const ends = { entry: first + run.sizes.length, position: position + run.end, offset: run.endOffset };
    const isEnd = position + bytes.byteLength === this.#end.position;
    if (isEnd && ends.position !== this.#end.position) throw fail("does not end where it should");
    if (!this.#anchors.add(begins, ends)) throw fail("contradicts itself");
    this.#blocks.put(first, run.firstOffset, run.sizes);
  }

  #pgnoOf(entry: number): number {
    return entry + 1 < this.#lockPgno ? entry + 1 : entry + 2;
  }
}

const SIZE_FIELD = 8;
/** About what an anchor takes in memory. */
const ANCHOR_BYTES = 48;
