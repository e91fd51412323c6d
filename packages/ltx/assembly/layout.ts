/**
 * One fixed memory of 4 WebAssembly pages (256 KiB), never grown. Every copy below may overrun its target by up to 15
 * bytes before a bound is checked again; the gaps (SLACK at least) behind the two buffers take that.
 * `src/codec/wasm.ts` mirrors these numbers and a test compares the two through `layout()`.
 */

/** Match finder of the encoder: 4096 positions of 4 bytes. */
export const TABLE_BITS: u32 = 12;
export const TABLE_AT: usize = 0x0400;
/** Compressed input, or the page to be compressed (with its page header in front of it). */
export const SRC_AT: usize = 0x5000;
export const SRC_SIZE: usize = 0x18000;
/** Decompressed page, or the compressed block. */
export const DST_AT: usize = 0x1d100;
/** The largest page (65536) compressed as badly as possible: n + n/255 + 16. */
export const DST_SIZE: usize = 0x10200;
