interface Change {
  readonly viewId: number;
  readonly pages: ReadonlySet<number> | "all";
  /** Every page above it may have changed too. */
  readonly above: number;
}

/**
 * The pages that the local copy does not hold at this connection's view yet: those that changed in (applied, view]
 * (the design, "Hydration"). Forgotten as the copy's `applied` number passes the view that changed them.
 */
export class CopyLag {
  /** Oldest first. */
  #changes: Change[] = [];

  add(viewId: number, changed: Iterable<number> | "all", above: number = Number.POSITIVE_INFINITY): void {
    this.#changes.push({ viewId, pages: changed === "all" ? "all" : new Set(changed), above });
  }

  /** True when the copy, at view `applied`, may hold an older version of the page. */
  has(pgno: number, applied: number): boolean {
    if (this.#changes.length === 0) return false;
    while ((this.#changes[0]?.viewId ?? Number.POSITIVE_INFINITY) <= applied) this.#changes.shift();
    return this.#changes.some(({ pages, above }) => pgno > above || pages === "all" || pages.has(pgno));
  }
}
