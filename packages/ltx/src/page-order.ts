import { lockPgno } from "@headwater/core";
import { type Header, isSnapshot } from "./header.js";

/**
 * Which pages a file may hold, and in which order: ascending, up to commit, never the lock page; a snapshot holds all.
 * Both methods give what is wrong in words, undefined if nothing.
 */
export class PageOrder {
  readonly #commit: number;
  readonly #lockPgno: number;
  readonly #complete: boolean;
  #previous = 0;

  constructor(header: Header) {
    this.#commit = header.commit;
    this.#lockPgno = lockPgno(header.pageSize);
    this.#complete = isSnapshot(header);
  }

  #following(): number {
    return this.#previous + 1 === this.#lockPgno ? this.#previous + 2 : this.#previous + 1;
  }

  next(pgno: number): string | undefined {
    if (pgno <= this.#previous) return `pages are not in ascending order pgno=${pgno} after=${this.#previous}`;
    if (pgno > this.#commit) return `page lies beyond the database pgno=${pgno} commit=${this.#commit}`;
    if (pgno === this.#lockPgno) return `the lock page is never stored pgno=${pgno}`;
    if (this.#complete && pgno !== this.#following()) return `snapshot misses a page pgno=${this.#following()} found=${pgno}`;
    this.#previous = pgno;
    return undefined;
  }

  /** After the last page. */
  end(): string | undefined {
    return this.#complete && this.#following() <= this.#commit
      ? `snapshot misses its last pages from=${this.#following()} commit=${this.#commit}`
      : undefined;
  }
}
