import { bitmapBytes, type SharedCopy, STATE_PAGES } from "./shared-copy.js";

/** The I/O thread's side of the page bitmap: sets and clears bits, and keeps their number. */
export class Presence {
  readonly #shared: SharedCopy;
  readonly #state: Int32Array;
  readonly #words: Int32Array; // no length given, so it follows the buffer as that grows

  constructor(shared: SharedCopy) {
    this.#shared = shared;
    this.#state = new Int32Array(shared.state);
    this.#words = new Int32Array(shared.bitmap);
  }

  /** How many bits are set. */
  get count(): number {
    return Atomics.load(this.#state, STATE_PAGES);
  }

  has(pgno: number): boolean {
    const word = this.#words[(pgno - 1) >>> 5] ?? 0;
    return (word & (1 << ((pgno - 1) & 31))) !== 0;
  }

  /** Room for `pages` pages. New bits are clear. */
  reserve(pages: number): void {
    const bytes = bitmapBytes(pages);
    if (bytes > this.#shared.bitmap.byteLength) this.#shared.bitmap.grow(bytes);
  }

  set(pgno: number): void {
    const mask = 1 << ((pgno - 1) & 31);
    const before = Atomics.or(this.#words, (pgno - 1) >>> 5, mask);
    if ((before & mask) === 0) Atomics.add(this.#state, STATE_PAGES, 1);
  }

  clear(pgno: number): void {
    const index = (pgno - 1) >>> 5;
    if (index >= this.#words.length) return;
    const mask = 1 << ((pgno - 1) & 31);
    const before = Atomics.and(this.#words, index, ~mask);
    if ((before & mask) !== 0) Atomics.sub(this.#state, STATE_PAGES, 1);
  }

  /** Clears every bit above `pages`. */
  clearAbove(pages: number): void {
    for (let index = pages >>> 5; index < this.#words.length; index += 1) {
      const kept = index === pages >>> 5 ? 2 ** (pages & 31) - 1 : 0;
      const dropped = Atomics.and(this.#words, index, kept) & ~kept;
      if (dropped !== 0) Atomics.sub(this.#state, STATE_PAGES, ones(dropped));
    }
  }
}

function ones(word: number): number {
  let n = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) n += 1;
  return n;
}
