import { decodePageFrame } from "@headwater/ltx";
import { PageCache } from "@headwater/page-cache";

/** A page as its frame: compressed. */
interface Encoded {
  readonly frame: Uint8Array;
  readonly byteLength: number;
}

/**
 * The page cache of a connection: pages as they are, and such as came along and were not read yet as frames, of which
 * more fit. Decoding one takes a few microseconds; SQLite keeps what it has read in its own cache.
 */
export class CachedPages {
  readonly #cache: PageCache<Uint8Array | Encoded>;
  readonly #pageSize: number;

  constructor(maxBytes: number, pageSize: number) {
    this.#cache = new PageCache({ maxBytes });
    this.#pageSize = pageSize;
  }

  get hits(): number {
    return this.#cache.hits;
  }
  get misses(): number {
    return this.#cache.misses;
  }
  get bytes(): number {
    return this.#cache.bytes;
  }

  get(pgno: number): Uint8Array | undefined {
    const entry = this.#cache.get(pgno);
    return entry === undefined || entry instanceof Uint8Array ? entry : this.#decoded(pgno, entry.frame);
  }

  /** The I/O thread has decoded this frame before; should it not be possible here, the page is asked for again. */
  #decoded(pgno: number, frame: Uint8Array): Uint8Array | undefined {
    try {
      const page = decodePageFrame(frame, 0, this.#pageSize);
      if (page.pgno === pgno) return page.data;
    } catch {
      // As if it had not been there.
    }
    this.#cache.delete(pgno);
    return undefined;
  }

  has(pgno: number): boolean {
    return this.#cache.has(pgno);
  }

  /** A page that SQLite has just got. */
  set(pgno: number, page: Uint8Array): void {
    this.#cache.set(pgno, page);
  }

  /** The same, as a frame. */
  setFrame(pgno: number, frame: Uint8Array): void {
    this.#cache.set(pgno, { frame, byteLength: frame.byteLength });
  }

  /** A page that came along. */
  addAhead(pgno: number, page: Uint8Array): void {
    this.#cache.addAhead(pgno, page);
  }

  addFrameAhead(pgno: number, frame: Uint8Array): void {
    this.#cache.addAhead(pgno, { frame, byteLength: frame.byteLength });
  }

  delete(pgno: number): void {
    this.#cache.delete(pgno);
  }

  retain(keep: (pgno: number) => boolean): void {
    this.#cache.retain(keep);
  }

  clear(): void {
    this.#cache.clear();
  }
}
