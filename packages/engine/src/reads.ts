import { type Expected, neighbourhood, ReadAhead, schemaRoots } from "@headwater/page-cache";
import { type PageBytes, PageReader, type RangeReader, type View } from "@headwater/replica";
import { Handed } from "./handed.js";
import type { PagesReply } from "./opened.js";
import { packFrames } from "./packed-frames.js";
import { Prefetcher, rangeBytesOf } from "./prefetcher.js";
import { blockAround, GAP_BYTES_MAX, rangeAround, rangesOf } from "./ranges.js";

/** Bytes of a random read: 64 pages that do not compress. They cost a round trip of 25 ms hardly more than one does. */
const NEIGHBOURHOOD_BYTES = 272 * 1024;
/** Bytes of the pages of a neighbourhood that does compress. A power of two, as it is halved until it fits. */
const NEIGHBOURHOOD_PAGE_BYTES = 512 * 1024;
/** The first range of a scan that was not foreseen: its reader waits for all of it. */
const SCAN_DEMAND_BYTES = 512 * 1024;
/** One request of a scan's read-ahead, in bytes of the database. */
const SCAN_REQUEST_BYTES = 2 * 1024 * 1024;
/** How far a scan's read-ahead is ahead of its reader, in bytes of the database: several requests at a time. */
const SCAN_WINDOW_BYTES = 8 * 1024 * 1024;
/** Pages under way and waiting to be read, beside the cache: the window, and one request that replaces another. */
export const IN_FLIGHT_BYTES_MAX: number = SCAN_WINDOW_BYTES + SCAN_REQUEST_BYTES;
const PREFETCH_CONCURRENCY = 8;
/** Bytes of one answer to the SQLite thread: what it takes along of a scan, so that it need not ask for each page. */
const REPLY_BYTES = 256 * 1024;
/** Part of the SQLite thread's cache that one answer may fill. */
const REPLY_CACHE_PART = 1 / 4;
/** Siblings that lie scattered and are fetched ahead, each with its neighbours. */
const SCATTERED_AHEAD = 8;
/** Root pages of a schema that are fetched ahead, if so few requests bring them. */
const ROOTS_MAX = 64;
const ROOT_RANGES_MAX = 2;
/** After so many reads that nothing waited for, a scan has stopped. */
const UNUSED_READS_MAX = 32;

export interface ReadPathOptions {
  readonly reader: RangeReader;
  /** Bytes of a page. */
  readonly pageSize: number;
  /** Bytes of the SQLite thread's cache. */
  readonly cacheBytes: number;
  /** Called with all pages that arrive. */
  readonly onPages: (viewId: number, pages: ReadonlyMap<number, Uint8Array>) => void;
}

/** One read of the SQLite thread. */
export interface PageRequest {
  readonly viewId: number;
  readonly pgno: number;
  /** The pages that SQLite has read since the request before, in order: it had them at hand. */
  readonly seen?: ArrayLike<number>;
}

/**
 * Answers the SQLite thread's reads, each with what came along, and fetches ahead of its scans. At most
 * {@link IN_FLIGHT_BYTES_MAX} of pages are held here beside the ranges under way, which hold as much again at worst.
 */
export class ReadPath {
  readonly #o: ReadPathOptions;
  readonly #reader: PageReader;
  readonly #readAhead: ReadAhead;
  readonly #prefetcher: Prefetcher;
  readonly #neighbourhoodPages: number;
  readonly #replyPages: number;
  /** Pages of one answer at most, for the cache's sake. */
  readonly #answerPages: number;
  readonly #cachePages: number;
  readonly #handed: Handed;
  #unusedReads = 0;

  constructor(options: ReadPathOptions) {
    this.#o = options;
    const { reader, pageSize, cacheBytes } = options;
    this.#reader = new PageReader({ reader, gapBytesMax: GAP_BYTES_MAX, rangeBytesMax: rangeBytesOf(SCAN_REQUEST_BYTES) });
    this.#readAhead = new ReadAhead({ windowMaxPages: pagesIn(SCAN_WINDOW_BYTES, pageSize) });
    this.#prefetcher = new Prefetcher({
      reader: this.#reader,
      bytesMax: IN_FLIGHT_BYTES_MAX,
      requestBytes: SCAN_REQUEST_BYTES,
      concurrency: PREFETCH_CONCURRENCY,
      onPages: (viewId, pages) => this.#arrived(viewId, pages),
    });
    this.#answerPages = pagesIn(cacheBytes * REPLY_CACHE_PART, pageSize);
    this.#cachePages = pagesIn(cacheBytes, pageSize);
    this.#handed = new Handed(this.#cachePages);
    this.#neighbourhoodPages = Math.min(this.#answerPages, pagesIn(NEIGHBOURHOOD_PAGE_BYTES, pageSize));
    this.#replyPages = Math.min(this.#answerPages, pagesIn(REPLY_BYTES, pageSize));
  }

  /** Pages that came along with opening. The roots of the schema are fetched behind them. */
  opened(viewId: number, view: View, pages: ReadonlyMap<number, Uint8Array>): void {
    this.#handed.add(pages.keys());
    this.#learn(pages);
    const pageOne = pages.get(1);
    if (pageOne === undefined) return;
    const roots = schemaRoots(1, pageOne).filter((root) => root <= view.commit && !pages.has(root));
    void this.#fetchRoots(viewId, view, roots.slice(0, ROOTS_MAX));
  }

  async #fetchRoots(viewId: number, view: View, roots: readonly number[]): Promise<void> {
    try {
      await view.load(roots);
    } catch {
      return; // Whoever needs them will meet the error.
    }
    const ranges = rangesOf(view, roots, SCAN_DEMAND_BYTES);
    this.#prefetcher.want(viewId, view, ranges.slice(0, ROOT_RANGES_MAX).flat());
  }

  /**
   * The page, and what came along.
   *
   * @throws as `PageReader.readPages`.
   */
  async read(view: View, { viewId, pgno, seen }: PageRequest, signal: AbortSignal): Promise<PagesReply> {
    for (const read of Array.from(seen ?? [])) this.#readAhead.access(read);
    this.#readAhead.access(pgno);
    for (let loading = view.load([pgno], { signal }); loading !== undefined; loading = view.load([pgno], { signal })) await loading;
    const expected = this.#readAhead.expect(pgno, view.commit);
    const near = this.#near(view, pgno, expected);
    const next = expected.scatteredOver === undefined ? expected.pages.slice(0, this.#replyPages - 1) : near;
    const ahead = await this.#takeAhead(view, pgno, next, signal);
    const reply = ahead === undefined ? await this.#demand(view, viewId, pgno, expected, near, signal) : { pages: ahead };
    this.#handed.add(reply.pages.keys());
    if (reply.frames !== undefined) this.#handed.add(reply.frames.pgnos);
    this.#noteUse(ahead !== undefined || expected.pages.length > 0);
    this.#fetchAhead(viewId, view, expected);
    return reply;
  }

  /**
   * The neighbours that a page takes along. Siblings that lie scattered are worth their neighbours, which are siblings
   * too, as long as the cache holds a good part of all of them until they are asked for.
   */
  #near(view: View, pgno: number, { scatteredOver = 0 }: Expected): number[] {
    const kept = Math.min(1, (2 * this.#cachePages) / scatteredOver);
    return blockAround(view, pgno, Math.max(1, Math.floor(this.#neighbourhoodPages * kept)), NEIGHBOURHOOD_BYTES);
  }

  #block(pgno: number, commit: number): number[] {
    const { first, last } = neighbourhood(pgno, this.#neighbourhoodPages, commit);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }

  #fetchAhead(viewId: number, view: View, expected: Expected): void {
    const missing = expected.pages.filter((p) => !this.#handed.has(p));
    if (expected.scatteredOver === undefined) {
      this.#prefetcher.expect(viewId, view, missing);
      return;
    }
    const next = missing.slice(0, SCATTERED_AHEAD);
    const fetch = (): void => {
      const wanted = next.flatMap((p) => [p, ...this.#near(view, p, expected)]);
      this.#prefetcher.want(
        viewId,
        view,
        [...new Set(wanted)].filter((p) => !this.#handed.has(p)),
      );
    };
    const loading = view.load(next.flatMap((p) => this.#block(p, view.commit)));
    if (loading === undefined) fetch();
    else void loading.then(fetch, () => undefined); // Whoever needs them will meet the error.
  }

  /** What was fetched ahead: the page, and those of `next` that were too. */
  async #takeAhead(view: View, pgno: number, next: readonly number[], signal: AbortSignal): Promise<Map<number, Uint8Array> | undefined> {
    let page = this.#prefetcher.take(view, pgno);
    if (page === undefined && (await this.#prefetcher.wait(pgno, signal))) page = this.#prefetcher.take(view, pgno);
    if (page === undefined) return undefined;
    const pages = new Map([[pgno, page]]);
    for (const p of next) {
      const data = this.#prefetcher.take(view, p);
      if (data !== undefined) pages.set(p, data);
    }
    return pages;
  }

  /** A page that nobody foresaw, in one request with what is next to it: the scan's next pages, or its neighbours. */
  async #demand(
    view: View,
    viewId: number,
    pgno: number,
    expected: Expected,
    near: readonly number[],
    signal: AbortSignal,
  ): Promise<PagesReply> {
    const isScan = expected.scatteredOver === undefined && expected.pages.length > this.#neighbourhoodPages;
    // Pages under way would be waited for.
    const candidates = (isScan ? expected.pages.slice(0, this.#answerPages - 1) : near).filter((p) => !this.#prefetcher.isUnderWay(p));
    const wanted = rangeAround(view, pgno, candidates, isScan ? SCAN_DEMAND_BYTES : NEIGHBOURHOOD_BYTES);
    const found = await this.#reader.readFrames(view, wanted, { signal });
    const pages = new Map<number, Uint8Array>();
    for (const [p, { data }] of found) pages.set(p, data);
    this.#arrived(viewId, pages);
    return isScan ? { pages } : compact(pgno, found, view.pageSize);
  }

  #arrived(viewId: number, pages: ReadonlyMap<number, Uint8Array>): void {
    this.#learn(pages);
    this.#o.onPages(viewId, pages);
  }

  #learn(pages: ReadonlyMap<number, Uint8Array>): void {
    for (const [pgno, page] of pages) this.#readAhead.learn(pgno, page);
  }

  /** A scan that stopped leaves pages behind that nobody will read. */
  #noteUse(used: boolean): void {
    this.#unusedReads = used ? 0 : this.#unusedReads + 1;
    if (this.#unusedReads === UNUSED_READS_MAX) this.#prefetcher.stop();
  }

  /** Another view is read from now on, or none: the scans have ended, so what was fetched ahead for them is let go. */
  stop(): void {
    this.#handed.clear();
    this.#prefetcher.stop();
  }
}

/** The page that is waited for as it is, its neighbours as frames where that is shorter. */
function compact(pgno: number, found: ReadonlyMap<number, PageBytes>, pageSize: number): PagesReply {
  const pages = new Map<number, Uint8Array>();
  const frames = new Map<number, PageBytes>();
  for (const [p, bytes] of found) {
    const isShorter = bytes.encoded.byteLength > 0 && bytes.encoded.byteLength < pageSize;
    if (isShorter) frames.set(p, bytes);
    if (!isShorter || p === pgno) pages.set(p, bytes.data);
  }
  return { pages, frames: packFrames(frames) };
}

function pagesIn(bytes: number, pageSize: number): number {
  return Math.max(1, Math.floor(bytes / pageSize));
}
