import { abortedError, HeadwaterError, throwIfAborted } from "@headwater/core";
import { Limiter } from "./concurrency.js";
import { decodeFrame } from "./frame.js";
import { againIfCorrupt, type RangeReader, type ReadOptions } from "./range-reader.js";
import { fileIdentity, sameFile } from "./replica-file.js";
import type { FrameRef, View } from "./view.js";

export interface PageReaderOptions {
  readonly reader: RangeReader;
  /** Frames of one file with at most so many bytes between them are read as one range. */
  readonly gapBytesMax?: number;
  /** The largest range that is asked for at once. One frame that is larger is read all the same. */
  readonly rangeBytesMax?: number;
  /** Ranges under way at a time. */
  readonly concurrency?: number;
}

/** 32 KiB: what a store delivers in well under a millisecond. */
export const GAP_BYTES_MAX_DEFAULT: number = 32 * 1024;
/** 1 MiB. */
export const RANGE_BYTES_MAX_DEFAULT: number = 1024 * 1024;
export const READ_CONCURRENCY_DEFAULT = 16;

interface Wanted {
  readonly pgno: number;
  readonly frame: FrameRef;
}

/** One page, and its frame as it lies in the file. */
export interface PageBytes {
  /** The page, in a buffer of its own. */
  readonly data: Uint8Array;
  /** A view of a larger buffer. Empty for a page that no file holds. */
  readonly encoded: Uint8Array;
}

interface Fetched extends Wanted, PageBytes {}

/** One range under way. */
interface Flight {
  readonly controller: AbortController;
  readonly pages: Promise<readonly Fetched[]>;
  /** The frames in it: identity of file and offset. */
  readonly frames: readonly string[];
  waiters: number;
}

/**
 * Reads pages of views. Neighbouring frames become one range; a frame that is under way for one caller is not fetched
 * again for another; every frame is checked in shape.
 */
export class PageReader {
  readonly #reader: RangeReader;
  readonly #gapBytesMax: number;
  readonly #rangeBytesMax: number;
  readonly #limiter: Limiter;
  readonly #flights = new Map<string, Flight>();

  constructor(options: PageReaderOptions) {
    this.#reader = options.reader;
    this.#gapBytesMax = options.gapBytesMax ?? GAP_BYTES_MAX_DEFAULT;
    this.#rangeBytesMax = options.rangeBytesMax ?? RANGE_BYTES_MAX_DEFAULT;
    this.#limiter = new Limiter(options.concurrency ?? READ_CONCURRENCY_DEFAULT);
  }

  /** Frames under way. */
  get inFlight(): number {
    return this.#flights.size;
  }

  /**
   * The pages as the view has them, each in its own buffer that other callers may be given too: don't change it. Pages
   * that no file holds are zeros. May hold pages that were not asked for, because they lay between.
   *
   * A caller that aborts disturbs nobody who waits for the same ranges.
   *
   * @throws `OUT_OF_RANGE` for a page beyond the view's commit; `REPLICA_FILE_GONE`; `LTX_CORRUPT` naming key, page
   *   and offset; `ABORTED`; else what the store throws. The first failure of any range.
   */
  async readPages(view: View, pgnos: readonly number[], options: { readonly signal?: AbortSignal } = {}): Promise<Map<number, Uint8Array>> {
    const pages = new Map<number, Uint8Array>();
    for (const [pgno, { data }] of await this.readFrames(view, pgnos, options)) pages.set(pgno, data);
    return pages;
  }

  /** As {@link readPages}, with the frames that the pages were decoded from: they take less room. */
  async readFrames(view: View, pgnos: readonly number[], options: { readonly signal?: AbortSignal } = {}): Promise<Map<number, PageBytes>> {
    throwIfAborted(options.signal);
    for (let loading = view.load(pgnos, options); loading !== undefined; loading = view.load(pgnos, options)) await loading;
    const out = new Map<number, PageBytes>();
    const wanted: Wanted[] = [];
    for (const pgno of new Set(pgnos)) {
      checkPgno(view, pgno);
      const frame = view.lookup(pgno);
      if (frame === undefined) out.set(pgno, { data: new Uint8Array(view.pageSize), encoded: new Uint8Array(0) });
      else wanted.push({ pgno, frame });
    }
    const frames = new Map(wanted.map(({ pgno, frame }) => [pgno, frame]));
    const flights = this.#join(view, wanted);
    for (const pages of await this.#waitAll([...flights], options.signal)) {
      // A flight that another view started may bring pages that are others in this one.
      for (const { pgno, frame, data, encoded } of pages) {
        if (isSameFrame(frames.get(pgno) ?? lookupIfKnown(view, pgno), frame)) out.set(pgno, { data, encoded });
      }
    }
    return out;
  }

  /** The flights that bring these frames, those that are needed started. */
  #join(view: View, wanted: readonly Wanted[]): Set<Flight> {
    const flights = new Set<Flight>();
    const fresh: Wanted[] = [];
    for (const item of wanted) {
      const flight = this.#flights.get(frameIdentity(item.frame));
      if (flight === undefined) fresh.push(item);
      else flights.add(flight);
    }
    for (const range of coalesce(fresh, this.#gapBytesMax, this.#rangeBytesMax)) flights.add(this.#start(view, range));
    return flights;
  }

  #start(view: View, range: readonly Wanted[]): Flight {
    const items = withFramesBetween(view, range, (frame) => this.#flights.has(frameIdentity(frame)));
    const { file, offset: start } = (items[0] as Wanted).frame;
    const end = items.reduce((max, { frame }) => Math.max(max, frame.offset + frame.size), start);
    const controller = new AbortController();
    const readOnce = async (options: ReadOptions): Promise<readonly Fetched[]> => {
      const bytes = await this.#limiter.run(() => {
        throwIfAborted(controller.signal);
        return this.#reader.read(file, start, end, options);
      });
      return items.map(({ pgno, frame }) => {
        const at = frame.offset - start;
        const encoded = bytes.subarray(at, at + frame.size);
        return { pgno, frame, encoded, data: decodeFrame(frame, pgno, view.pageSize, encoded) };
      });
    };
    const read = againIfCorrupt({ signal: controller.signal }, readOnce);
    const frames = items.map(({ frame }) => frameIdentity(frame));
    const flight: Flight = { controller, frames, waiters: 0, pages: read.finally(() => this.#forget(flight)) };
    for (const frame of frames) this.#flights.set(frame, flight);
    return flight;
  }

  /** The pages of all these flights. One listener for them all, however many they are. */
  #waitAll(flights: readonly Flight[], signal: AbortSignal | undefined): Promise<(readonly Fetched[])[]> {
    for (const flight of flights) flight.waiters += 1;
    const all = Promise.all(flights.map((flight) => flight.pages));
    if (signal === undefined) return all;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(abortedError(signal));
        for (const flight of flights) this.#leave(flight, signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      all.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** One waits less; a flight that nobody waits for is called off. */
  #leave(flight: Flight, reason: unknown): void {
    flight.waiters -= 1;
    if (flight.waiters > 0) return;
    this.#forget(flight);
    flight.controller.abort(reason);
  }

  #forget(flight: Flight): void {
    for (const frame of flight.frames) if (this.#flights.get(frame) === flight) this.#flights.delete(frame);
  }
}

/** How many pages between two wanted ones are looked at, to see whether they come along. */
const BETWEEN_MAX = 64;

/** Adds the view's frames that lie between those of a range: they are fetched anyway. */
function withFramesBetween(view: View, range: readonly Wanted[], skip: (frame: FrameRef) => boolean): Wanted[] {
  const out: Wanted[] = [];
  for (const [i, item] of range.entries()) {
    out.push(item);
    const next = range[i + 1];
    // Frames are in the order of their pages.
    if (next === undefined || next.pgno - item.pgno > BETWEEN_MAX) continue;
    for (let pgno = item.pgno + 1; pgno < next.pgno; pgno += 1) {
      const frame = lookupIfKnown(view, pgno);
      const between = frame?.file === item.frame.file && frame.offset > item.frame.offset && frame.offset < next.frame.offset;
      if (between && !skip(frame)) out.push({ pgno, frame });
    }
  }
  return out;
}

/** Sorts frames by file and offset and puts neighbours together. */
function coalesce(wanted: readonly Wanted[], gapBytesMax: number, rangeBytesMax: number): Wanted[][] {
  const byFile = new Map<string, Wanted[]>();
  for (const item of wanted) {
    const identity = fileIdentity(item.frame.file);
    const items = byFile.get(identity);
    if (items === undefined) byFile.set(identity, [item]);
    else items.push(item);
  }
  const ranges: Wanted[][] = [];
  for (const items of byFile.values()) {
    let [start, end] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const item of items.sort((a, b) => a.frame.offset - b.frame.offset)) {
      const { offset, size } = item.frame;
      if (offset - end > gapBytesMax || offset + size - start > rangeBytesMax) {
        ranges.push([]);
        start = offset;
      }
      ranges.at(-1)?.push(item);
      end = offset + size;
    }
  }
  return ranges;
}

/** Where a page lies, if that can be told without waiting. */
function lookupIfKnown(view: View, pgno: number): FrameRef | undefined {
  return view.knows(pgno) ? view.lookup(pgno) : undefined;
}

function frameIdentity(frame: FrameRef): string {
  return `${frame.offset}\n${fileIdentity(frame.file)}`;
}

function isSameFrame(a: FrameRef | undefined, b: FrameRef): boolean {
  return a !== undefined && a.offset === b.offset && sameFile(a.file, b.file);
}

function checkPgno(view: View, pgno: number): void {
  if (Number.isInteger(pgno) && pgno >= 1 && pgno <= view.commit) return;
  throw new HeadwaterError("OUT_OF_RANGE", `no such page in this view; pgno=${pgno} commit=${view.commit}`);
}
