/** Entries at most, whatever the cache's size: they only serve to guess. */
const ENTRIES_MAX = 65_536;

/**
 * The pages that the SQLite thread was given last, as many as its cache holds: about what it has at hand, which is not
 * worth fetching ahead. A guess, since the two forget by different rules.
 */
export class Handed {
  readonly #pagesMax: number;
  /** Oldest first. */
  readonly #pages = new Set<number>();

  /** @param pagesMax - Pages that the SQLite thread's cache holds. */
  constructor(pagesMax: number) {
    this.#pagesMax = Math.min(pagesMax, ENTRIES_MAX);
  }

  has(pgno: number): boolean {
    return this.#pages.has(pgno);
  }

  add(pgnos: Iterable<number>): void {
    for (const pgno of pgnos) {
      this.#pages.delete(pgno);
      this.#pages.add(pgno);
    }
    for (const pgno of this.#pages) {
      if (this.#pages.size <= this.#pagesMax) return;
      this.#pages.delete(pgno);
    }
  }

  /** Another view was adopted: what changed is not at hand any more. */
  clear(): void {
    this.#pages.clear();
  }
}
