/** Bytes of one piece of memory. Small enough for a buffer with little in it, large enough that a copy of a page meets one or two. */
export const CHUNK_BYTES: number = 256 * 1024;

/** Copies between `bytes` and the chunks that hold the range from `offset` on, in pieces that lie in one chunk each. */
function pieces(offset: number, count: number, each: (chunk: number, at: number, from: number, length: number) => void): void {
  for (let done = 0; done < count; ) {
    const at = (offset + done) % CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES - at, count - done);
    each(Math.floor((offset + done) / CHUNK_BYTES), at, done, length);
    done += length;
  }
}

/** Reads from chunks; `into` is filled as far as there are any. Returns how many bytes that is. */
export function readChunks(chunks: readonly Uint8Array[], into: Uint8Array, offset: number, size: number): number {
  const count = Math.max(0, Math.min(into.byteLength, size - offset));
  pieces(offset, count, (chunk, at, from, length) => {
    into.set((chunks[chunk] as Uint8Array).subarray(at, at + length), from);
  });
  return count;
}

/** Writes to chunks that are there already. */
export function writeChunks(chunks: readonly Uint8Array[], bytes: Uint8Array, offset: number): void {
  pieces(offset, bytes.byteLength, (chunk, at, from, length) => {
    (chunks[chunk] as Uint8Array).set(bytes.subarray(from, from + length), at);
  });
}
