/** What one file changed. */
interface Step {
  /** The mark of the history before it. */
  readonly before: object;
  readonly pgnos: Uint32Array;
  /** The smaller of the database's sizes before and after, in pages. */
  readonly commitMin: number;
}

/** Changed pages that are remembered: 1 MiB of page numbers. More than that, and a cache is better emptied. */
const PAGES_MAX = 262_144;
const STEPS_MAX = 256;
/** A bitmap of so many pages (8 MiB) is at most as much work as sorting. */
const BITMAP_PAGES_MAX = 2 ** 26;

/** One file's part in a history. */
export interface HistoryStep {
  readonly pgnos: Uint32Array;
  readonly commitBefore: number;
  readonly commit: number;
}

/**
 * Which pages the last steps of a view changed. Each view has its own; steps are shared. Views are recognised by it,
 * not by their TXID, which two branches may share.
 */
export class History {
  /** What steps point back at; pointing at the history itself would keep all that went before alive. */
  readonly #mark: object = {};
  readonly #steps: readonly Step[];

  private constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  static start(): History {
    return new History([]);
  }

  /** After some more files, oldest first. Old steps are forgotten when there are too many. */
  next(files: readonly HistoryStep[]): History {
    const added = files.map(({ pgnos, commitBefore, commit }, i) => ({
      before: i === 0 ? this.#mark : {},
      pgnos,
      commitMin: Math.min(commitBefore, commit),
    }));
    const steps: Step[] = [...this.#steps, ...added];
    let pages = steps.reduce((sum, step) => sum + step.pgnos.length, 0);
    let forgotten = 0;
    for (; forgotten < steps.length && (pages > PAGES_MAX || steps.length - forgotten > STEPS_MAX); forgotten += 1) {
      pages -= steps[forgotten]?.pgnos.length ?? 0;
    }
    return new History(steps.slice(forgotten));
  }

  since(older: History, commitBefore: number, commit: number): Uint32Array | "all" {
    if (older === this) return new Uint32Array(0);
    const from = this.#steps.findIndex((step) => step.before === older.#mark);
    if (from < 0) return "all";
    const steps = this.#steps.slice(from);
    const top = Math.max(commitBefore, commit);
    const bottom = Math.min(top, ...steps.map((step) => step.commitMin));
    if (top - bottom > PAGES_MAX) return "all";
    const changed = union(
      steps.map((step) => step.pgnos),
      bottom,
    );
    const out = new Uint32Array(changed.length + top - bottom);
    out.set(changed);
    for (let pgno = bottom + 1, i = changed.length; pgno <= top; pgno += 1, i += 1) out[i] = pgno;
    return out;
  }
}

/** All numbers up to `max` of the ascending lists, once each, ascending. */
function union(lists: readonly Uint32Array[], max: number): Uint32Array {
  const total = lists.reduce((sum, list) => sum + list.length, 0);
  const sparse = total * 64 < max || max > BITMAP_PAGES_MAX;
  return sparse ? unionBySorting(lists, total, max) : unionByBitmap(lists, total, max);
}

function unionBySorting(lists: readonly Uint32Array[], total: number, max: number): Uint32Array {
  const all = new Uint32Array(total);
  let n = 0;
  for (const list of lists) for (const pgno of list) if (pgno <= max) all[n++] = pgno;
  const sorted = all.subarray(0, n).sort();
  let kept = 0;
  for (let i = 0; i < n; i += 1) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[kept++] = sorted[i] ?? 0;
  return sorted.subarray(0, kept);
}

function unionByBitmap(lists: readonly Uint32Array[], total: number, max: number): Uint32Array {
  const bits = new Uint32Array((max >>> 5) + 1);
  for (const list of lists) {
    for (const pgno of list) if (pgno <= max) bits[pgno >>> 5] = (bits[pgno >>> 5] ?? 0) | (1 << (pgno & 31));
  }
  const out = new Uint32Array(Math.min(total, max));
  let n = 0;
  for (let i = 0; i < bits.length; i += 1) {
    for (let word = bits[i] ?? 0; word !== 0; word &= word - 1) out[n++] = i * 32 + 31 - Math.clz32(word & -word);
  }
  return out.subarray(0, n);
}
