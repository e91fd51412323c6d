import { ReadAhead, type ReadAheadOptions, worthFetching } from "../../src/index.js";

/** An interior page as SQLite lays it out: of a table (5) or an index (2). */
export function interiorPage(children: readonly number[], options: { type?: 2 | 5; pageSize?: number; pgno?: number } = {}): Uint8Array {
  const { type = 5, pageSize = 4096, pgno = 2 } = options;
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  const header = pgno === 1 ? 100 : 0;
  const cells = children.length - 1;
  page[header] = type;
  view.setUint16(header + 3, cells);
  view.setUint32(header + 8, children[cells] ?? 0);
  for (let i = 0; i < cells; i += 1) {
    const at = pageSize - 5 * (i + 1);
    view.setUint32(at, children[i] ?? 0);
    view.setUint16(header + 12 + 2 * i, at);
  }
  return page;
}

export const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** A table of `leaves` leaves and its interior pages, root first, numbered as appending rows numbers them. */
export function appendedTree(
  leaves: number,
  fanOut: number,
  root = 2,
): { interiors: Map<number, number[]>; leaves: number[]; commit: number } {
  const interiors = new Map<number, number[]>();
  const rootChildren: number[] = [];
  const all: number[] = [];
  let next = root + 1;
  while (all.length < leaves) {
    const interior = next;
    const children = upTo(next + 1, next + Math.min(fanOut, leaves - all.length));
    next += children.length + 1;
    interiors.set(interior, children);
    rootChildren.push(interior);
    all.push(...children);
  }
  interiors.set(root, rootChildren);
  return { interiors, leaves: all, commit: next - 1 };
}

/** What a replayed trace cost. */
export interface Cost {
  /** Requests that the reader waited for, each after the one before. */
  readonly waits: number;
  /** All requests: runs of neighbouring pages, at most {@link REQUEST_PAGES} and a few each. */
  readonly requests: number;
  /** Pages fetched. */
  readonly pages: number;
  /** Pages fetched and never read. */
  readonly unread: number;
}

const REQUEST_PAGES = 512;
/** Interior pages among the leaves come along. */
const RANGE_PAGES_MAX = REQUEST_PAGES + 8;
const GAP_PAGES_MAX = 16;

/**
 * Replays the reads of a trace as an engine would: a page that is nowhere brings `neighbours` pages around it, and what
 * the policy expects next is fetched behind it. What arrives is kept for ever.
 */
export function replay(
  trace: readonly number[],
  commit: number,
  pageOf: (pgno: number) => Uint8Array | undefined,
  options: ReadAheadOptions & { readonly neighbours?: number } = {},
): Cost {
  const { neighbours = 64, ...policy } = options;
  const readAhead = new ReadAhead(policy);
  const held = new Set<number>();
  const read = new Set<number>();
  const cost = { waits: 0, requests: 0, pages: 0 };
  const missingOf = (pgnos: readonly number[]): number[] => [...new Set(pgnos)].filter((p) => p >= 1 && p <= commit && !held.has(p));
  const fetch = (pgnos: readonly number[]): void => {
    const missing = missingOf(pgnos).sort((a, b) => a - b);
    let first = 0;
    let last = Number.NEGATIVE_INFINITY;
    for (const p of missing) {
      if (p - last > GAP_PAGES_MAX || p - first >= RANGE_PAGES_MAX) {
        cost.requests += 1;
        first = p;
      }
      last = p;
      held.add(p);
      const page = pageOf(p);
      if (page !== undefined) readAhead.learn(p, page);
    }
    cost.pages += missing.length;
  };
  const ahead = (expected: readonly number[]): void => fetch(worthFetching(missingOf(expected), expected.length, REQUEST_PAGES));
  for (const p of trace) {
    readAhead.access(p);
    read.add(p);
    if (held.has(p)) {
      // The engine hears of a hit only with the next question; a scan asks after each 64 pages.
      if (read.size % 64 === 0) ahead(readAhead.expect(p, commit).pages);
      continue;
    }
    cost.waits += 1;
    const expected = readAhead.expect(p, commit).pages;
    const block = p - ((p - 1) % neighbours);
    fetch(expected.length > neighbours ? [p] : upTo(block, block + neighbours - 1));
    ahead(expected);
  }
  return { ...cost, unread: [...held].filter((p) => !read.has(p)).length };
}

/** Pages of interior pages by number; all others hold nothing. */
export function pagesOf(interiors: ReadonlyMap<number, readonly number[]>): (pgno: number) => Uint8Array | undefined {
  return (pgno) => {
    const children = interiors.get(pgno);
    return children && interiorPage(children, { pgno });
  };
}
