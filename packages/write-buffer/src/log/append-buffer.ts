/**
 * Bytes on their way to the log's end. It has room for a number of frames, is written out in one call when full, and
 * grows, up to a limit, only while the log can't be written.
 */
export class AppendBuffer {
  #bytes: Uint8Array;
  #view: DataView;
  readonly #normalBytes: number;
  /** Bytes in use. */
  length = 0;

  constructor(normalBytes: number) {
    this.#normalBytes = normalBytes;
    this.#bytes = new Uint8Array(normalBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get view(): DataView {
    return this.#view;
  }

  /** True if `count` more bytes would take it past its normal size. */
  wouldOverflow(count: number): boolean {
    return this.length + count > this.#normalBytes;
  }

  /** Makes room for `count` more bytes and returns where they go. */
  reserve(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }

  set(bytes: Uint8Array, at: number): void {
    this.#bytes.set(bytes, at);
  }

  /** A view, valid until the next call that changes the buffer. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  clear(): void {
    this.length = 0;
    if (this.#bytes.byteLength === this.#normalBytes) return;
    this.#bytes = new Uint8Array(this.#normalBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
