import type { Span } from "@headwater/page-cache";
import type { FrameRef, View } from "@headwater/replica";

/**
 * The pages of `span` that cost nothing beside `pgno`: those whose frames lie next to its frame in the same file,
 * without a gap, within `bytesMax` in all. One range, one request. The view must know where `pgno` lies.
 */
export function freeNeighbours(view: View, pgno: number, span: Span, bytesMax: number): number[] {
  const frame = view.lookup(pgno);
  if (frame === undefined) return [pgno];
  const pages = [pgno];
  let start = frame.offset;
  let end = frame.offset + frame.size;
  const fits = (size: number): boolean => end - start + size <= bytesMax;
  for (let p = pgno + 1; p <= span.last; p += 1) {
    const next = known(view, p);
    if (next === undefined || next.file !== frame.file || next.offset !== end || !fits(next.size)) break;
    end += next.size;
    pages.push(p);
  }
  for (let p = pgno - 1; p >= span.first; p -= 1) {
    const before = known(view, p);
    if (before === undefined || before.file !== frame.file || before.offset + before.size !== start || !fits(before.size)) break;
    start = before.offset;
    pages.push(p);
  }
  return pages;
}

/** Where a page lies, if nothing has to be fetched to know it. */
function known(view: View, pgno: number): FrameRef | undefined {
  return view.knows(pgno) ? view.lookup(pgno) : undefined;
}

/** All pages of a span, `pgno` first: a scan wants them wherever they lie. */
export function wholeSpan(pgno: number, span: Span): number[] {
  const pages = [pgno];
  for (let p = span.first; p <= span.last; p += 1) if (p !== pgno) pages.push(p);
  return pages;
}
