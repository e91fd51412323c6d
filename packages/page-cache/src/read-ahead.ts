import { OptionError } from "@headwater/core";

/** Pages to fetch, both ends included. Always contains the page that was asked for. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export interface ReadAheadOptions {
  /** What a page that follows nothing takes along, in pages, itself included. A power of two keeps blocks aligned. */
  readonly neighbourhoodPages?: number;
  /** The widest window, in pages. */
  readonly windowMaxPages?: number;
  /** How many scans can be followed at a time. */
  readonly streamsMax?: number;
}

/** 4 pages of 4 KiB: in the noise of one request. */
export const NEIGHBOURHOOD_PAGES_DEFAULT = 4;
/** 256 pages of 4 KiB are 1 MiB: at 25 ms and 100 MB/s, more than a quarter of the time is spent on bytes. */
export const WINDOW_MAX_PAGES_DEFAULT = 256;
/** A join of a few tables, each with an index. */
export const STREAMS_MAX_DEFAULT = 8;

interface Stream {
  /** The span fetched last. */
  first: number;
  last: number;
  /** 1 up, -1 down, 0 not known yet. */
  direction: number;
  /** How many misses followed on from one another. */
  run: number;
  /** Pages fetched last. */
  window: number;
  usedAt: number;
}

/**
 * Decides what a missing page takes along. A miss just behind the span that an earlier miss fetched goes on with that
 * scan; from the second such miss on, the window doubles. Everything else costs one neighbourhood: a point read never
 * starts a scan's prefetch, and the steps of a B-tree's descent, which happen to be neighbours, rarely do. Works
 * upwards and downwards, and follows several scans that alternate.
 *
 * Pure state: no clock, no I/O. Feed it the misses; hits, where they can be seen, through {@link ReadAhead.hit}.
 */
export class ReadAhead {
  readonly #neighbourhood: number;
  readonly #windowMax: number;
  readonly #streamsMax: number;
  #streams: Stream[] = [];
  #ticks = 0;

  constructor(options: ReadAheadOptions = {}) {
    this.#neighbourhood = positive("neighbourhoodPages", options.neighbourhoodPages ?? NEIGHBOURHOOD_PAGES_DEFAULT);
    this.#windowMax = positive("windowMaxPages", options.windowMaxPages ?? WINDOW_MAX_PAGES_DEFAULT);
    this.#streamsMax = positive("streamsMax", options.streamsMax ?? STREAMS_MAX_DEFAULT);
  }

  /** What to fetch for a page that is nowhere at hand. `commit` is the size of the database in pages. */
  miss(pgno: number, commit: number): Span {
    this.#ticks += 1;
    const stream = this.#follow(pgno);
    if (stream === undefined) return this.#begin(pgno, commit);
    stream.run += 1;
    // The first continuation may be chance (a descent, two neighbouring rows); the second is a scan.
    stream.window = stream.run < 3 ? this.#neighbourhood : Math.min(this.#windowMax, stream.window * 2);
    return this.#fetch(stream, ahead(pgno, stream.window, stream.direction, commit));
  }

  /**
   * A page that was at hand. When it lies in the second half of what a scan fetched last, the answer is what to
   * fetch in the background, so that the scan never waits.
   */
  hit(pgno: number, commit: number): Span | undefined {
    const stream = this.#streams.find((s) => s.run >= 3 && pgno >= s.first && pgno <= s.last);
    if (stream === undefined) return undefined;
    const up = stream.direction > 0;
    const left = up ? stream.last - pgno : pgno - stream.first;
    const next = up ? stream.last + 1 : stream.first - 1;
    if (left * 2 > stream.last - stream.first || next < 1 || next > commit) return undefined;
    this.#ticks += 1;
    stream.window = Math.min(this.#windowMax, stream.window * 2);
    return this.#fetch(stream, ahead(next, stream.window, stream.direction, commit));
  }

  /** Forgets all scans, for example when another view is adopted. */
  reset(): void {
    this.#streams = [];
  }

  /** The scan that this miss goes on with. The wider a scan's window, the more pages of others it may step over. */
  #follow(pgno: number): Stream | undefined {
    for (const stream of this.#streams) {
      const slack = stream.run >= 3 ? stream.window >> 1 : 0;
      if (stream.direction >= 0 && pgno > stream.last && pgno <= stream.last + 1 + slack) {
        stream.direction = 1;
        return stream;
      }
      if (stream.direction <= 0 && pgno < stream.first && pgno >= stream.first - 1 - slack) {
        stream.direction = -1;
        return stream;
      }
    }
    return undefined;
  }

  #begin(pgno: number, commit: number): Span {
    const span = neighbourhood(pgno, this.#neighbourhood, commit);
    if (this.#streams.length >= this.#streamsMax) {
      const oldest = this.#streams.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
      this.#streams = this.#streams.filter((s) => s !== oldest);
    }
    this.#streams.push({ ...span, direction: 0, run: 1, window: this.#neighbourhood, usedAt: this.#ticks });
    return span;
  }

  #fetch(stream: Stream, span: Span): Span {
    stream.first = span.first;
    stream.last = span.last;
    stream.usedAt = this.#ticks;
    return span;
  }
}

/** The aligned block of `pages` pages around `pgno`, cut at the database's end. */
export function neighbourhood(pgno: number, pages: number, commit: number): Span {
  const first = pgno - ((pgno - 1) % pages);
  return { first, last: Math.max(pgno, Math.min(first + pages - 1, commit)) };
}

/** `pages` pages from `pgno` on, upwards or downwards, cut at the database's ends. */
function ahead(pgno: number, pages: number, direction: number, commit: number): Span {
  if (direction < 0) return { first: Math.max(1, pgno - pages + 1), last: pgno };
  return { first: pgno, last: Math.max(pgno, Math.min(pgno + pages - 1, commit)) };
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new OptionError("BAD_OPTION", `option ${JSON.stringify(name)}: expected an integer from 1, got ${value}`);
}
