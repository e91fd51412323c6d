/**
 * LZ4 block decoder for input that may be hostile. Every length is compared with what is left of its buffer before it
 * is used; short copies move 8 or 16 bytes at once and so may touch the slack behind a buffer (see layout.ts).
 * @see lz4/doc/lz4_Block_format.md
 */

/** Copies at least `length` (> 0) bytes, 8 at a time, from a source at least 8 bytes before the target. */
// @ts-ignore: decorator
@inline
function copy8(to: usize, from: usize, length: usize): void {
  const end = to + length;
  do {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
  } while (to < end);
}

/** Copies a match whose source overlaps its target closer than 8 bytes. */
function copyOverlapping(to: usize, offset: usize, length: usize): void {
  if (offset == 1) {
    memory.fill(to, load<u8>(to - 1), length);
    return;
  }
  // Lay down whole periods bytewise until the distance is at least 8, then copy at that distance.
  let distance = offset;
  while (distance < 8) distance += offset;
  const head = min(distance - offset, length);
  for (let i: usize = 0; i < head; i += 1) store<u8>(to + i, load<u8>(to + i - offset));
  if (length > head) copy8(to + head, to + head - distance, length - head);
}

/**
 * Decodes the block at `src` (`srcLength` bytes) to `dst`, at most up to `dstEnd`. Matches may reach back to
 * `windowStart`. Returns where the output ends, or 0 if the block is malformed or would not fit.
 */
export function decodeBlock(src: usize, srcLength: usize, dst: usize, dstEnd: usize, windowStart: usize): usize {
  const srcEnd = src + srcLength;
  while (src < srcEnd) {
    const token: usize = load<u8>(src);
    src += 1;

    let literals = token >> 4;
    if (literals == 15) {
      let more: usize;
      do {
        if (src >= srcEnd) return 0;
        more = load<u8>(src);
        src += 1;
        literals += more;
      } while (more == 255);
    }
    if (literals > srcEnd - src || literals > dstEnd - dst) return 0;
    if (literals <= 16) {
      store<u64>(dst, load<u64>(src));
      store<u64>(dst, load<u64>(src, 8), 8);
    } else {
      memory.copy(dst, src, literals);
    }
    src += literals;
    dst += literals;
    if (src == srcEnd) return (token & 15) == 0 ? dst : 0; // the last sequence has literals only

    if (srcEnd - src < 2) return 0;
    const offset: usize = load<u16>(src);
    src += 2;
    if (offset == 0 || offset > dst - windowStart) return 0;

    let length = (token & 15) + 4;
    if (length == 19) {
      let more: usize;
      do {
        if (src >= srcEnd) return 0;
        more = load<u8>(src);
        src += 1;
        length += more;
      } while (more == 255);
    }
    if (length > dstEnd - dst) return 0;
    if (offset >= 8) copy8(dst, dst - offset, length);
    else copyOverlapping(dst, offset, length);
    dst += length;
  }
  return 0; // ended without a last sequence, or was empty
}
