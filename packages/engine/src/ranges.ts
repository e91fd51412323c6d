import { neighbourhood } from "@headwater/page-cache";
import { type FrameRef, sameFile, type View } from "@headwater/replica";

/** Bytes between two wanted frames that are rather read along than left out by a second request. */
export const GAP_BYTES_MAX: number = 64 * 1024;

interface Wanted {
  readonly pgno: number;
  readonly frame: FrameRef;
}

/**
 * The neighbours of a page: the others of the largest aligned block around it, of up to `pagesMax` pages, whose frames lie
 * within `bytesMax`. Aligned, so that the blocks of two pages are the same or have nothing in common. Only pages that the
 * view knows.
 */
export function blockAround(view: View, pgno: number, pagesMax: number, bytesMax: number): number[] {
  const frame = frameIfKnown(view, pgno);
  for (let pages = pagesMax; frame !== undefined && pages > 1; pages = Math.floor(pages / 2)) {
    const { first, last } = neighbourhood(pgno, pages, view.commit);
    const block = wantedIn(
      view,
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    ).filter((w) => sameFile(w.frame.file, frame.file));
    const start = Math.min(...block.map((w) => w.frame.offset));
    const end = Math.max(...block.map((w) => w.frame.offset + w.frame.size));
    if (end - start <= bytesMax) return block.flatMap((w) => (w.pgno === pgno ? [] : [w.pgno]));
  }
  return [];
}

/**
 * The one range around a page's frame that brings as many of the candidates as it can: those in the same file, without
 * larger gaps than {@link GAP_BYTES_MAX}, within `bytesMax` in all. The page itself is always first.
 */
export function rangeAround(view: View, pgno: number, candidates: Iterable<number>, bytesMax: number): number[] {
  const frame = frameIfKnown(view, pgno);
  if (frame === undefined) return [pgno];
  const near = wantedIn(view, candidates).filter((w) => sameFile(w.frame.file, frame.file) && w.pgno !== pgno);
  const behind = near.filter((w) => w.frame.offset > frame.offset).sort(byOffset);
  const before = near.filter((w) => w.frame.offset < frame.offset).sort((a, b) => byOffset(b, a));
  const pages = [pgno];
  let start = frame.offset;
  let end = frame.offset + frame.size;
  for (const { pgno: next, frame: f } of behind) {
    if (f.offset - end > GAP_BYTES_MAX || f.offset + f.size - start > bytesMax) break;
    end = f.offset + f.size;
    pages.push(next);
  }
  for (const { pgno: next, frame: f } of before) {
    if (start - (f.offset + f.size) > GAP_BYTES_MAX || end - f.offset > bytesMax) break;
    start = f.offset;
    pages.push(next);
  }
  return pages;
}

/** The pages in as few ranges as gaps and `bytesMax` allow, those that were asked for first in front. */
export function rangesOf(view: View, pgnos: readonly number[], bytesMax: number): number[][] {
  const rank = new Map(pgnos.map((pgno, i) => [pgno, i]));
  const ranges: { readonly pages: number[]; rank: number }[] = [];
  let last: { readonly frame: FrameRef; readonly start: number } | undefined;
  for (const { pgno, frame } of wantedIn(view, pgnos).sort((a, b) => compareFiles(a, b) || byOffset(a, b))) {
    const end = last === undefined ? 0 : last.frame.offset + last.frame.size;
    const joins =
      last !== undefined &&
      sameFile(last.frame.file, frame.file) &&
      frame.offset - end <= GAP_BYTES_MAX &&
      frame.offset + frame.size - last.start <= bytesMax;
    if (!joins) ranges.push({ pages: [], rank: Number.POSITIVE_INFINITY });
    const range = ranges.at(-1);
    range?.pages.push(pgno);
    if (range !== undefined) range.rank = Math.min(range.rank, rank.get(pgno) ?? 0);
    last = { frame, start: joins && last !== undefined ? last.start : frame.offset };
  }
  return ranges.sort((a, b) => a.rank - b.rank).map(({ pages }) => pages);
}

/** Where a page lies, if nothing has to be fetched to know it. */
export function frameIfKnown(view: View, pgno: number): FrameRef | undefined {
  return view.knows(pgno) ? view.lookup(pgno) : undefined;
}

/** Those that a file holds, as far as is known without asking: the others read as zeros and cost nothing. */
function wantedIn(view: View, pgnos: Iterable<number>): Wanted[] {
  const wanted: Wanted[] = [];
  for (const pgno of pgnos) {
    const frame = frameIfKnown(view, pgno);
    if (frame !== undefined) wanted.push({ pgno, frame });
  }
  return wanted;
}

function byOffset(a: Wanted, b: Wanted): number {
  return a.frame.offset - b.frame.offset;
}

function compareFiles(a: Wanted, b: Wanted): number {
  const [x, y] = [a.frame.file.key, b.frame.file.key];
  return x < y ? -1 : x > y ? 1 : 0;
}
