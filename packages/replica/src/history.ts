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

  /** After one more file. Old steps are forgotten when there are too many. */
  next(pgnos: Uint32Array, commitBefore: number, commit: number): History {
    const steps: Step[] = [...this.#steps, { before: this.#mark, pgnos, commitMin: Math.min(commitBefore, commit) }];
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
    const changed = new Set<number>();
    for (const { pgnos } of steps) for (const pgno of pgnos) if (pgno <= bottom) changed.add(pgno);
    const out = new Uint32Array(changed.size + top - bottom);
    out.set([...changed].sort((a, b) => a - b));
    for (let pgno = bottom + 1, i = changed.size; pgno <= top; pgno += 1, i += 1) out[i] = pgno;
    return out;
  }
}
