import { OptionError } from "@headwater/core";
import { PageTrees, type Place, type Walk } from "./page-trees.js";

/** Pages to fetch, both ends included. Always contains the page that was asked for. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export interface ReadAheadOptions {
  /** How many pages ahead of its reader a scan is, at most; all scans that go on at a time share it. */
  readonly windowMaxPages?: number;
  /** How many scans of pages that hang in no known tree can be followed at a time. */
  readonly streamsMax?: number;
}

/** 2048 pages of 4 KiB are 8 MiB: what 25 ms of latency hold back at 300 MB/s. */
export const WINDOW_MAX_PAGES_DEFAULT = 2048;
/** A join of a few tables with large values. */
export const STREAMS_MAX_DEFAULT = 8;

/** Two siblings in order make a scan. */
const RUN_MIN = 2;
/** A scan as long as this is sure, and may step over pages that SQLite had in its own cache. */
const SURE_RUN = 4;
const SLACK_MAX = 64;
/** Scans and point reads that are told apart under one interior page. */
const READERS_MAX = 3;
/** A scan that was not seen for so many reads has stopped. */
const STOPPED_AFTER = 1024;
/** Interior pages that are fetched ahead where the leaves lie scattered. */
const INTERIORS_AHEAD_MAX = 8;
/** Pages from one sibling to the next where a tree lies in the file in the order of its keys. */
const STEP_MAX = 4;

/** What SQLite will ask for next. */
export interface Expected {
  /** In the order in which it will ask. Pages that are at hand already are among them. */
  readonly pages: readonly number[];
  /** They lie about the file rather than in the order of their keys: over so many pages. Undefined: in order. */
  readonly scatteredOver: number | undefined;
}

const NOTHING: Expected = { pages: [], scatteredOver: undefined };

/** Pages read in order, one after the other. */
interface Scan {
  /** How many. */
  run: number;
  /** 1 forwards, -1 backwards, 0 not known yet. */
  direction: number;
  usedAt: number;
}

/** How far a scan is: index of a child under one interior page, or a pgno where the parent is not known (overflow pages above all). */
interface Progress {
  last: number;
  readonly scan: Scan;
}

/**
 * Tells from the pages that SQLite reads, in order, which ones it will ask for next. Interior pages name their children,
 * so two siblings read in order are a scan, wherever they lie in the file, and what follows are the next siblings, over
 * the borders of interior pages. Pages that hang in no known tree are followed by their numbers. A point read is
 * followed by nothing: the steps of a descent are no siblings.
 *
 * The window is twice as long as what was read in order so far, so a scan that stops has read at most twice too much.
 *
 * Pure state: no clock, no I/O. Feed it every page that arrives ({@link ReadAhead.learn}) and every page that SQLite
 * reads ({@link ReadAhead.access}).
 */
export class ReadAhead {
  readonly #windowMax: number;
  readonly #streamsMax: number;
  readonly #trees = new PageTrees<Progress[]>();
  #streams: Progress[] = [];
  /** Scans whose windows are large. */
  readonly #long = new Set<Scan>();
  #ticks = 0;

  constructor(options: ReadAheadOptions = {}) {
    this.#windowMax = positive("windowMaxPages", options.windowMaxPages ?? WINDOW_MAX_PAGES_DEFAULT);
    this.#streamsMax = positive("streamsMax", options.streamsMax ?? STREAMS_MAX_DEFAULT);
  }

  /** Looks at a page that arrived: an interior page says what its children are. */
  learn(pgno: number, page: Uint8Array): void {
    this.#trees.learn(pgno, page);
  }

  /** A page that SQLite read, from wherever. In order. */
  access(pgno: number): void {
    this.#ticks += 1;
    const place = this.#trees.place(pgno);
    const scan = place === undefined ? this.#accessInFile(pgno) : this.#accessInTree(place);
    scan.usedAt = this.#ticks;
    // The interior pages that a scan comes by are read in order too.
    if (scan.run >= SURE_RUN && place?.parent.aboveInterior !== true) this.#long.add(scan);
  }

  /**
   * What SQLite will ask for after this page, which it has just read; nothing where nothing says so.
   *
   * @param commit - Size of the database in pages.
   */
  expect(pgno: number, commit: number): Expected {
    const place = this.#trees.place(pgno);
    const expected = place === undefined ? this.#expectInFile(pgno) : this.#expectInTree(place, pgno);
    return { ...expected, pages: expected.pages.filter((p) => p >= 1 && p <= commit) };
  }

  /** Forgets all scans and trees. */
  reset(): void {
    this.#trees.clear();
    this.#streams = [];
    this.#long.clear();
  }

  #accessInTree({ parent, index }: Place<Progress[]>): Scan {
    parent.note ??= [];
    const known = parent.note.find(({ last, scan }) => last === index || follows(scan, index - last));
    if (known !== undefined) {
      known.last = index;
      return known.scan;
    }
    const scan = this.#scanFromBeside({ parent, index }) ?? newScan();
    if (parent.note.length >= READERS_MAX) parent.note.splice(parent.note.indexOf(parent.note.reduce(older)), 1);
    parent.note.push({ last: index, scan });
    return scan;
  }

  /** The scan that has come to the end of the interior page before, or after, and goes on here. */
  #scanFromBeside({ parent, index }: Place<Progress[]>): Scan | undefined {
    for (const direction of [1, -1]) {
      const before = this.#trees.neighbour(parent, -direction);
      for (const { last, scan } of before?.note ?? []) {
        const left = direction > 0 ? (before?.children.length ?? 0) - 1 - last : last;
        const passed = direction > 0 ? index : parent.children.length - 1 - index;
        if (follows(scan, direction * (left + passed + 1))) return scan;
      }
    }
    return undefined;
  }

  #accessInFile(pgno: number): Scan {
    let stream = this.#streams.find(({ last, scan }) => last === pgno || follows(scan, pgno - last));
    if (stream === undefined) {
      if (this.#streams.length >= this.#streamsMax) {
        const oldest = this.#streams.reduce(older);
        this.#streams = this.#streams.filter((s) => s !== oldest);
      }
      stream = { last: pgno, scan: newScan() };
      this.#streams.push(stream);
    }
    stream.last = pgno;
    return stream.scan;
  }

  #expectInTree({ parent, index }: Place<Progress[]>, pgno: number): Expected {
    const scan = parent.note?.find(({ last }) => last === index)?.scan;
    // A scan's steps from one interior page to the next are part of it, not a scan of interior pages.
    if (scan === undefined || scan.run < RUN_MIN || parent.aboveInterior) return NOTHING;
    const { direction } = scan;
    const count = this.#window(scan);
    const inOrder = liesInOrder(parent.children);
    // Interior pages on the way are known, but may be at hand no more; where they lie among the leaves they cost nothing.
    const walk = this.#trees.walk({ parent, index }, direction, count, inOrder);
    const last = walk.pages.at(-1) ?? pgno;
    const left = walk.missing === undefined ? 0 : count - walk.pages.length;
    // Made in the order of its keys, the tree goes on in the file as it did so far, its interior pages among the leaves.
    const beyond = inOrder ? inFile(last, direction, left) : this.#interiorsBeyond(walk, direction, left);
    return { pages: [...walk.pages, ...beyond], scatteredOver: inOrder ? undefined : spread(parent.children) };
  }

  /** The interior pages that have to be known to go on. */
  #interiorsBeyond({ missing, parent }: Walk<Progress[]>, direction: number, count: number): number[] {
    if (missing === undefined || count <= 0) return [];
    const place = this.#trees.place(missing);
    const interiors = Math.min(INTERIORS_AHEAD_MAX, Math.ceil(count / parent.children.length));
    return [missing, ...(place === undefined ? [] : this.#trees.walk(place, direction, interiors).pages)];
  }

  #expectInFile(pgno: number): Expected {
    const stream = this.#streams.find(({ last, scan }) => last === pgno && scan.run >= RUN_MIN);
    if (stream === undefined) return NOTHING;
    return { pages: inFile(pgno, stream.scan.direction, this.#window(stream.scan)), scatteredOver: undefined };
  }

  #window(scan: Scan): number {
    for (const other of this.#long) if (this.#ticks - other.usedAt > STOPPED_AFTER) this.#long.delete(other);
    const shared = Math.floor(this.#windowMax / Math.max(1, this.#long.size));
    return Math.max(1, Math.min(2 * scan.run, shared));
  }
}

function older(a: Progress, b: Progress): Progress {
  return b.scan.usedAt < a.scan.usedAt ? b : a;
}

function newScan(): Scan {
  return { run: 1, direction: 0, usedAt: 0 };
}

/** Whether a read so many places on goes on with the scan; takes note of it if so. */
function follows(scan: Scan, step: number): boolean {
  const direction = Math.sign(step);
  const slack = scan.run >= SURE_RUN ? Math.min(scan.run, SLACK_MAX) : 0;
  if (step === 0 || Math.abs(step) > 1 + slack || scan.direction === -direction) return false;
  scan.direction = direction;
  scan.run += 1;
  return true;
}

/** Whether most siblings lie close behind one another in the file. A handful of them is fetched the same way anyhow. */
function liesInOrder(children: Uint32Array): boolean {
  let near = 0;
  for (let i = 1; i < children.length; i += 1) {
    const step = (children[i] ?? 0) - (children[i - 1] ?? 0);
    if (step >= 1 && step <= STEP_MAX) near += 1;
  }
  return near * 4 >= (children.length - 1) * 3;
}

/** Pages of the file from the first of these to the last. */
function spread(children: Uint32Array): number {
  const [low, high] = children.reduce(([a, b], child) => [Math.min(a, child), Math.max(b, child)], [Number.POSITIVE_INFINITY, 0]);
  return high - low + 1;
}

function inFile(from: number, direction: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + direction * (i + 1));
}

/** The aligned block of `pages` pages around `pgno`, cut at the database's end. */
export function neighbourhood(pgno: number, pages: number, commit: number): Span {
  const first = pgno - ((pgno - 1) % pages);
  return { first, last: Math.max(pgno, Math.min(first + pages - 1, commit)) };
}

/**
 * The pages to fetch now, of those that are expected and missing: none until they are a quarter of what is expected or
 * fill one request, and then whole requests. So a scan's window is filled by few large requests, several of them under
 * way.
 */
export function worthFetching(missing: readonly number[], expectedCount: number, requestPages: number): readonly number[] {
  if (missing.length >= requestPages) return missing.slice(0, missing.length - (missing.length % requestPages));
  return missing.length * 4 >= expectedCount ? missing : [];
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new OptionError("BAD_OPTION", `option ${JSON.stringify(name)}: expected an integer from 1, got ${value}`);
}
