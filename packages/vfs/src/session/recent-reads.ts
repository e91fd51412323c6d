/** A power of two. As much as a scan reads between two questions, and a few point reads. */
const KEPT = 256;

/**
 * The pages that SQLite read last, in order, for the I/O thread: it can't see those that were at hand, and tells scans
 * from point reads by all of them. Taking note costs a store and an addition.
 */
export class RecentReads {
  readonly #ring = new Uint32Array(KEPT);
  #count = 0;

  add(pgno: number): void {
    this.#ring[this.#count & (KEPT - 1)] = pgno;
    this.#count += 1;
  }

  /** Those before the last one, which is what is asked for now; forgets them all. */
  takeBefore(): Uint32Array {
    const end = this.#count - 1;
    const first = Math.max(0, this.#count - KEPT);
    const reads = new Uint32Array(Math.max(0, end - first));
    for (let i = first; i < end; i += 1) reads[i - first] = this.#ring[i & (KEPT - 1)] ?? 0;
    this.#count = 0;
    return reads;
  }
}
