import type { FileHandle } from "@headwater/core";

const CHUNK_BYTES = 256 * 1024;

/** Reads a file from front to back in chunks. */
export class ChunkedFile {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  #chunk = new Uint8Array(0);
  #chunkAt = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
    this.sizeBytes = handle.size();
  }

  /** `count` bytes at `offset`, valid until the next call; `undefined` where the file ends before. */
  bytes(offset: number, count: number): Uint8Array | undefined {
    if (offset + count > this.sizeBytes) return undefined;
    const at = offset - this.#chunkAt;
    if (at >= 0 && at + count <= this.#chunk.byteLength) return this.#chunk.subarray(at, at + count);
    const want = Math.min(Math.max(count, CHUNK_BYTES), this.sizeBytes - offset);
    if (this.#chunk.byteLength !== want) this.#chunk = new Uint8Array(want);
    this.#chunkAt = offset;
    const got = this.#handle.read(this.#chunk, offset);
    return got < count ? undefined : this.#chunk.subarray(0, count);
  }
}
