/** An LZ4 block decoder written for being obviously right: the oracle for the fast one. Undefined for a malformed block. */
export interface NaiveBlock {
  readonly data: Uint8Array;
  /** Start of the last match and end of all matches, as positions in the output; -1 without matches. */
  readonly lastMatchStart: number;
  readonly lastMatchEnd: number;
}

export function naiveDecode(block: Uint8Array, capacity: number, window: readonly number[] = []): NaiveBlock | undefined {
  const out: number[] = [...window];
  const max = window.length + capacity;
  let at = 0;
  let [lastMatchStart, lastMatchEnd] = [-1, -1];
  const byte = (): number => block[at++] ?? -1;
  const extended = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (;;) {
      const more = byte();
      if (more < 0) return -1;
      length += more;
      if (more < 255) return length;
    }
  };
  while (at < block.length) {
    const token = byte();
    const literals = extended(token >> 4);
    if (literals < 0 || at + literals > block.length || out.length + literals > max) return undefined;
    for (let i = 0; i < literals; i += 1) out.push(byte());
    if (at === block.length)
      return (token & 15) === 0 ? { data: Uint8Array.from(out.slice(window.length)), lastMatchStart, lastMatchEnd } : undefined;
    if (at + 2 > block.length) return undefined;
    const offset = byte() + byte() * 256;
    if (offset === 0 || offset > out.length) return undefined;
    const length = extended(token & 15);
    if (length < 0 || out.length + length + 4 > max) return undefined;
    lastMatchStart = out.length;
    for (let i = 0; i < length + 4; i += 1) out.push(out[out.length - offset] ?? 0);
    lastMatchEnd = out.length;
  }
  return undefined;
}
