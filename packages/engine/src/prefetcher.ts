import { unlessAborted } from "@headwater/core";
import { worthFetching } from "@headwater/page-cache";
import { type FrameRef, type PageReader, sameFile, type View } from "@headwater/replica";
import { frameIfKnown, rangesOf } from "./ranges.js";

export interface PrefetcherOptions {
  readonly reader: PageReader;
  /** Bytes of pages that are under way or wait to be taken, at most. */
  readonly bytesMax: number;
  /** Bytes of pages that make one request worth its while. */
  readonly requestBytes: number;
  /** Requests under way at a time. */
  readonly concurrency: number;
  /** Called with the pages of each range that arrives. */
  readonly onPages: (viewId: number, pages: ReadonlyMap<number, Uint8Array>) => void;
}

/** Bytes of the range that brings pages of so many bytes: incompressible ones take more than a page, and others lie between. */
export function rangeBytesOf(requestBytes: number): number {
  return requestBytes * 1.25;
}

interface Arrived {
  readonly frame: FrameRef;
  readonly data: Uint8Array;
}

/** Pages that one request brings. */
interface Batch {
  readonly viewId: number;
  readonly view: View;
  /** Where the pages lie. */
  readonly frames: ReadonlyMap<number, FrameRef>;
  readonly controller: AbortController;
  /** Starts the request, if it has not started. Never rejects. */
  readonly run: () => Promise<void>;
}

/**
 * Fetches pages before they are asked for and holds them until they are. What waits here is known by its frame, so it
 * can't be a page of another state, whatever views come and go. A failed request is forgotten: whoever needs its pages
 * asks again and meets the error.
 */
export class Prefetcher {
  readonly #o: PrefetcherOptions;
  /** Oldest first. */
  readonly #arrived = new Map<number, Arrived>();
  readonly #pending = new Map<number, Batch>();
  #queue: Batch[] = [];
  #running = 0;

  constructor(options: PrefetcherOptions) {
    this.#o = options;
  }

  /** Pages under way or waiting to be taken. */
  get size(): number {
    return this.#arrived.size + this.#pending.size;
  }

  /** Whether a request that brings the page is under way or will be. */
  isUnderWay(pgno: number): boolean {
    return this.#pending.has(pgno);
  }

  /** The page, if it has arrived; it is not held any longer then. */
  take(view: View, pgno: number): Uint8Array | undefined {
    const arrived = this.#arrived.get(pgno);
    if (arrived === undefined) return undefined;
    this.#arrived.delete(pgno);
    const frame = frameIfKnown(view, pgno);
    return frame?.offset === arrived.frame.offset && sameFile(frame.file, arrived.frame.file) ? arrived.data : undefined;
  }

  /**
   * Waits for a page that is under way, ahead of all that is not needed yet. False: it is not.
   *
   * @throws `ABORTED` when the signal fires.
   */
  async wait(pgno: number, signal: AbortSignal): Promise<boolean> {
    const batch = this.#pending.get(pgno);
    if (batch === undefined) return false;
    await unlessAborted(batch.run(), signal);
    return true;
  }

  /**
   * Takes note of what a scan will ask for, in that order, and fetches of it what makes requests worth their while.
   */
  expect(viewId: number, view: View, pgnos: readonly number[]): void {
    const requestPages = Math.max(1, Math.floor(this.#o.requestBytes / view.pageSize));
    this.#fetchMissing(viewId, view, pgnos, (missing) => worthFetching(missing, pgnos.length, requestPages));
  }

  /** Sees to it that these pages are fetched, the first ones first, as far as there is room. */
  want(viewId: number, view: View, pgnos: readonly number[]): void {
    this.#fetchMissing(viewId, view, pgnos, (missing) => missing);
  }

  #fetchMissing(viewId: number, view: View, pgnos: readonly number[], choose: (missing: readonly number[]) => readonly number[]): void {
    const missing = choose(pgnos.filter((pgno) => !this.#arrived.has(pgno) && !this.#pending.has(pgno)));
    if (missing.length === 0) return;
    const loading = view.load(missing);
    if (loading === undefined) this.#plan(viewId, view, pgnos, missing);
    else
      void loading.then(
        () => this.#plan(viewId, view, pgnos, missing),
        () => undefined, // Nobody has asked for these pages yet.
      );
  }

  #plan(viewId: number, view: View, pgnos: readonly number[], missing: readonly number[]): void {
    const pagesMax = Math.floor(this.#o.bytesMax / view.pageSize);
    this.#makeRoom(Math.min(missing.length, pagesMax), pagesMax, new Set(pgnos));
    const room = Math.max(0, pagesMax - this.size);
    const wanted = missing.slice(0, room).filter((pgno) => !this.#pending.has(pgno));
    for (const range of rangesOf(view, wanted, rangeBytesOf(this.#o.requestBytes))) this.#enqueue(viewId, view, range);
    this.#startQueued();
  }

  /** Forgets everything, and calls off what is under way. */
  stop(): void {
    const batches = new Set(this.#pending.values());
    this.#queue = [];
    this.#arrived.clear();
    this.#pending.clear();
    for (const { controller } of batches) controller.abort();
  }

  /** Drops the pages that have waited longest, but none of `keep`. */
  #makeRoom(pages: number, pagesMax: number, keep: ReadonlySet<number>): void {
    for (const pgno of this.#arrived.keys()) {
      if (this.size + pages <= pagesMax) return;
      if (!keep.has(pgno)) this.#arrived.delete(pgno);
    }
  }

  #enqueue(viewId: number, view: View, pgnos: readonly number[]): void {
    let running: Promise<void> | undefined;
    const run = (): Promise<void> => {
      running ??= this.#fetch(batch);
      return running;
    };
    const frames = new Map<number, FrameRef>();
    for (const pgno of pgnos) {
      const frame = frameIfKnown(view, pgno);
      if (frame !== undefined) frames.set(pgno, frame);
    }
    const batch: Batch = { viewId, view, frames, controller: new AbortController(), run };
    for (const pgno of pgnos) this.#pending.set(pgno, batch);
    this.#queue.push(batch);
  }

  #startQueued(): void {
    while (this.#running < this.#o.concurrency) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      void next.run();
    }
  }

  async #fetch(batch: Batch): Promise<void> {
    const { signal } = batch.controller;
    this.#queue = this.#queue.filter((queued) => queued !== batch);
    this.#running += 1;
    try {
      const pages = await this.#o.reader.readPages(batch.view, [...batch.frames.keys()], { signal });
      if (!signal.aborted) this.#arrive(batch, pages);
    } catch {
      // Nobody has asked for these pages yet. Whoever does will meet the error, if it is still there.
    } finally {
      this.#running -= 1;
      for (const pgno of batch.frames.keys()) if (this.#pending.get(pgno) === batch) this.#pending.delete(pgno);
      this.#startQueued();
    }
  }

  #arrive(batch: Batch, pages: ReadonlyMap<number, Uint8Array>): void {
    for (const [pgno, frame] of batch.frames) {
      const data = pages.get(pgno);
      if (data !== undefined) this.#arrived.set(pgno, { frame, data });
    }
    this.#o.onPages(batch.viewId, pages);
  }
}
