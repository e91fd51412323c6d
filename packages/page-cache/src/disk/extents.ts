import type { RangeRecord } from "./record.js";

/** One range of one file on the disk. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  /** Name of the segment that holds it. Changes when it is moved. */
  segment: string;
  dataOffset: number;
  readonly checksums: BigUint64Array;
  /** Read since it was written or last spared. */
  visited: boolean;
}

export function extentOf({ start, length, dataOffset, checksums }: RangeRecord, segment: string): Extent {
  return { start, end: start + length, segment, dataOffset, checksums, visited: false };
}

/** The ranges of one file, made where there are none yet. */
export function extentsOf(files: Map<string, Extents>, file: string): Extents {
  let extents = files.get(file);
  if (extents === undefined) {
    extents = new Extents();
    files.set(file, extents);
  }
  return extents;
}

/** The ranges of one file that are on the disk: sorted, and never two for one byte. */
export class Extents {
  #sorted: Extent[] = [];

  /** Many at once, in time that grows with their number. Of two for one byte the one that comes first in the list stays. */
  static of(list: readonly Extent[]): Extents {
    const extents = new Extents();
    const byStart = list.map((extent, rank) => ({ extent, rank })).sort((a, b) => a.extent.start - b.extent.start);
    const kept: typeof byStart = [];
    for (const next of byStart) {
      const last = kept.at(-1);
      if (last === undefined || last.extent.end <= next.extent.start) kept.push(next);
      else if (next.rank < last.rank) kept[kept.length - 1] = next;
    }
    extents.#sorted = kept.map(({ extent }) => extent);
    return extents;
  }

  get isEmpty(): boolean {
    return this.#sorted.length === 0;
  }

  [Symbol.iterator](): Iterator<Extent> {
    return this.#sorted[Symbol.iterator]();
  }

  /** Those that hold `[start, end)` together; nothing where a byte is missing. */
  covering(start: number, end: number): Extent[] | undefined {
    const found: Extent[] = [];
    let reached = start;
    for (let i = this.#firstEndingAfter(start); reached < end; i += 1) {
      const extent = this.#sorted[i];
      if (extent === undefined || extent.start > reached) return undefined;
      found.push(extent);
      reached = extent.end;
    }
    return found;
  }

  /** The parts of `[start, end)` that are not there, in order. */
  missing(start: number, end: number): { readonly start: number; readonly end: number }[] {
    const gaps: { start: number; end: number }[] = [];
    let reached = start;
    for (let i = this.#firstEndingAfter(start); reached < end; i += 1) {
      const extent = this.#sorted[i];
      const gapEnd = Math.min(end, extent?.start ?? end);
      if (gapEnd > reached) gaps.push({ start: reached, end: gapEnd });
      if (extent === undefined || extent.start >= end) break;
      reached = extent.end;
    }
    return gaps;
  }

  /** False, and nothing done, where it overlaps with what is there. */
  add(record: RangeRecord, segment: string): boolean {
    const extent = extentOf(record, segment);
    const at = this.#firstEndingAfter(extent.start);
    const next = this.#sorted[at];
    if (next !== undefined && next.start < extent.end) return false;
    this.#sorted.splice(at, 0, extent);
    return true;
  }

  /** Drops those for which `drop` says so. */
  remove(drop: (extent: Extent) => boolean): void {
    this.#sorted = this.#sorted.filter((extent) => !drop(extent));
  }

  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.end ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
