import { dropAbove } from "./drop-above.js";

/** A transaction in the log, without its pages. */
export interface LoggedTransaction {
  readonly sequence: number;
  /** Offsets of its first byte and of the byte behind its mark. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Database size after it, in pages. */
  readonly commit: number;
  /** Smallest size since it began, in pages, that at its begin included. */
  readonly minSizePages: number;
}

/** What is committed here and not yet in the view: the newest frame of each page. */
export class PublishedPages {
  readonly #pages: Map<number, number>;
  #transactions: LoggedTransaction[];
  #zeroBound = Number.POSITIVE_INFINITY;

  constructor(transactions: readonly LoggedTransaction[], pages: ReadonlyMap<number, number>) {
    this.#transactions = [...transactions];
    this.#pages = new Map(pages);
    this.#recompute();
  }

  get transactions(): number {
    return this.#transactions.length;
  }

  /** Bytes of log that these transactions take, headers of segments between them included. */
  get bytes(): number {
    const first = this.#transactions[0];
    const last = this.#transactions[this.#transactions.length - 1];
    return first === undefined || last === undefined ? 0 : last.endOffset - first.startOffset;
  }

  /** The first transaction behind which not more than `bytes` of log follow; `undefined` when there is none. */
  sequenceThatLeaves(bytes: number): number | undefined {
    const end = this.#transactions[this.#transactions.length - 1]?.endOffset ?? 0;
    return this.#transactions.find((t) => end - t.endOffset <= bytes)?.sequence;
  }

  /** The newest database size, if any transaction is here. */
  get commit(): number | undefined {
    return this.#transactions[this.#transactions.length - 1]?.commit;
  }

  address(pgno: number): number | undefined {
    return this.#pages.get(pgno);
  }

  /** A page above this that is not here is zeros, whatever the view holds. */
  get zeroBound(): number {
    return this.#zeroBound;
  }

  /** `before`: the database size until now. Nothing of older transactions survives above the smallest size. */
  publish(transaction: LoggedTransaction, before: number, pages: ReadonlyMap<number, number>): void {
    dropAbove(this.#pages, transaction.minSizePages, before);
    for (const [pgno, address] of pages) if (pgno <= transaction.commit) this.#pages.set(pgno, address);
    this.#transactions.push(transaction);
    this.#zeroBound = Math.min(this.#zeroBound, transaction.minSizePages);
  }

  /** Forgets the transactions up to `sequence`; returns what the view now has in its newest version, with where it was. */
  adopt(sequence: number): {
    readonly pages: [pgno: number, address: number][];
    readonly minSizePages: number;
    readonly endOffset: number | undefined;
  } {
    const kept = this.#transactions.findIndex((t) => t.sequence > sequence);
    const count = kept === -1 ? this.#transactions.length : kept;
    const endOffset = this.#transactions[count - 1]?.endOffset;
    const minSizePages = smallest(this.#transactions.slice(0, count));
    if (endOffset === undefined) return { pages: [], minSizePages, endOffset };
    this.#transactions = this.#transactions.slice(count);
    const pages: [number, number][] = [];
    for (const [pgno, address] of this.#pages) if (address < endOffset) pages.push([pgno, address]);
    for (const [pgno] of pages) this.#pages.delete(pgno);
    this.#recompute();
    return { pages, minSizePages, endOffset };
  }

  #recompute(): void {
    this.#zeroBound = smallest(this.#transactions);
  }
}

function smallest(transactions: readonly LoggedTransaction[]): number {
  return transactions.reduce((least, t) => Math.min(least, t.minSizePages), Number.POSITIVE_INFINITY);
}
