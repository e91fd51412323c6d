import { FRAME_SIZE_LIMIT, offsetAt, sizeAt } from "./leaf.js";

/** Entries of one block: 8 KB of memory. */
export const BLOCK_ENTRIES = 1024;
const WORDS = 2;
const BLOCK_BYTES: number = BLOCK_ENTRIES * WORDS * 4;

/** Offsets and sizes of some of an index's entries, in blocks of which those that were not used for longest are given up. */
export class EntryBlocks {
  readonly #bytesMax: number;
  /** By number, those used last at the end. Two words an entry, as in a leaf; of size 0 where it is not known. */
  readonly #blocks = new Map<number, Uint32Array>();
  /** Blocks that are being loaded for someone, and how many want each. */
  readonly #pins = new Map<number, number>();
  #last = -1;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#blocks.size * BLOCK_BYTES;
  }

  has(entry: number): boolean {
    const words = this.#blocks.get(Math.floor(entry / BLOCK_ENTRIES));
    return words !== undefined && sizeAt(words, (entry % BLOCK_ENTRIES) * WORDS) > 0;
  }

  get(entry: number): { readonly offset: number; readonly size: number } | undefined {
    const number = Math.floor(entry / BLOCK_ENTRIES);
    const words = this.#blocks.get(number);
    if (words === undefined) return undefined;
    if (number !== this.#last) this.#touch(number, words);
    const at = (entry % BLOCK_ENTRIES) * WORDS;
    const size = sizeAt(words, at);
    return size === 0 ? undefined : { offset: offsetAt(words, at), size };
  }

  /** Takes in consecutive entries, of frames that follow each other from `offset` on. */
  put(first: number, offset: number, sizes: Uint32Array): void {
    let at = offset;
    for (let i = 0; i < sizes.length; ) {
      const number = Math.floor((first + i) / BLOCK_ENTRIES);
      const words = this.#blocks.get(number) ?? new Uint32Array(BLOCK_ENTRIES * WORDS);
      const end = Math.min(sizes.length, (number + 1) * BLOCK_ENTRIES - first);
      for (; i < end; i += 1) {
        const size = sizes[i] ?? 0;
        const w = ((first + i) % BLOCK_ENTRIES) * WORDS;
        words[w] = at % 2 ** 32;
        words[w + 1] = Math.floor(at / 2 ** 32) * FRAME_SIZE_LIMIT + size;
        at += size;
      }
      this.#touch(number, words);
    }
    this.#evict();
  }

  /** Keeps the blocks of these entries, and those that come for them, until the function is called. */
  pin(entries: readonly number[]): () => void {
    const numbers = new Set(entries.map((entry) => Math.floor(entry / BLOCK_ENTRIES)));
    for (const number of numbers) this.#pins.set(number, (this.#pins.get(number) ?? 0) + 1);
    return () => {
      for (const number of numbers) {
        const left = (this.#pins.get(number) ?? 1) - 1;
        if (left === 0) this.#pins.delete(number);
        else this.#pins.set(number, left);
      }
    };
  }

  #touch(number: number, words: Uint32Array): void {
    this.#blocks.delete(number);
    this.#blocks.set(number, words);
    this.#last = number;
  }

  #evict(): void {
    for (const number of this.#blocks.keys()) {
      if (this.bytes <= this.#bytesMax) return;
      if (!this.#pins.has(number)) this.#blocks.delete(number);
    }
  }
}
