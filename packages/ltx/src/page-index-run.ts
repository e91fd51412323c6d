import { FRAME_SIZE_MAX, FRAME_SIZE_MIN } from "./page-index.js";

/** Consecutive entries of a snapshot's page index, found in the middle of it. */
export interface PageIndexRun {
  /** Where the first entry begins in the bytes, and where the first one that is not whole would. */
  readonly start: number;
  readonly end: number;
  readonly firstPgno: number;
  /** Byte offset in the file of the first entry's frame. Each frame begins where the one before ends. */
  readonly firstOffset: number;
  /** Bytes of each frame. */
  readonly sizes: Uint32Array;
  /** Where the frame behind the last one begins. */
  readonly endOffset: number;
}

/** No entry is longer: pgno, offset and size as varints. */
export const INDEX_ENTRY_BYTES_MAX = 16;
/** Pgno, offset and size take at least a byte each. */
export const INDEX_ENTRY_BYTES_MIN = 3;

/**
 * Decodes a piece of a snapshot's page index that was cut out anywhere. In a snapshot every entry says what the next one
 * must begin with: the following pgno (the lock page has none), and an offset that is this one's plus its size. So the
 * place where entries begin is recognised by all that follows fitting together, up to the end of the bytes.
 *
 * @param at - What the entry must be that begins with the first byte, where that is known.
 * @returns Undefined when nothing fits: the bytes are no part of such an index, or hold less than two entries.
 */
export function findPageIndexRun(
  bytes: Uint8Array,
  lockPgno: number,
  at?: { readonly pgno: number; readonly offset: number },
): PageIndexRun | undefined {
  if (at !== undefined) {
    const run = runFrom(bytes, 0, lockPgno, at);
    return run !== undefined && run.sizes.length > 0 ? run : undefined;
  }
  for (let start = 0; start < INDEX_ENTRY_BYTES_MAX; start += 1) {
    const run = runFrom(bytes, start, lockPgno, undefined);
    if (run !== undefined && run.sizes.length > 1) return run;
  }
  return undefined;
}

function runFrom(
  bytes: Uint8Array,
  start: number,
  lockPgno: number,
  known: { readonly pgno: number; readonly offset: number } | undefined,
): PageIndexRun | undefined {
  let sizes = new Uint32Array(Math.min(16, bytes.length));
  let [expectedPgno, expectedOffset] = [known?.pgno ?? 0, known?.offset ?? 0];
  let [firstPgno, firstOffset] = [expectedPgno, expectedOffset];
  let count = 0;
  let end = start;
  const varint = new Varint(bytes, start);
  for (;;) {
    const [pgno, offset, size] = [varint.next(), varint.next(), varint.next()];
    if (varint.state === "cut") break;
    if (varint.state === "malformed" || size < FRAME_SIZE_MIN || size > FRAME_SIZE_MAX) return undefined;
    if (count === 0 && known === undefined) [firstPgno, firstOffset] = [pgno, offset];
    else if (pgno !== expectedPgno || offset !== expectedOffset) return undefined;
    if (count === sizes.length) sizes = grown(sizes, Math.ceil((bytes.length - start) / 6) + count);
    sizes[count] = size;
    count += 1;
    end = varint.at;
    expectedPgno = pgno + 1 === lockPgno ? pgno + 2 : pgno + 1;
    expectedOffset = offset + size;
  }
  return { start, end, firstPgno, firstOffset, sizes: sizes.slice(0, count), endOffset: expectedOffset };
}

function grown(from: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(length);
  out.set(from);
  return out;
}

/** Reads unsigned varints in their shortest form, and remembers when one was cut or malformed. */
class Varint {
  at: number;
  state: "fine" | "cut" | "malformed" = "fine";
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let scale = 1; this.state === "fine"; scale *= 128) {
      if (this.at >= bytes.length) {
        this.state = "cut";
        break;
      }
      const byte = bytes[this.at] ?? 0;
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0) this.state = "malformed";
        return value;
      }
      if (scale >= 2 ** 49) this.state = "malformed";
    }
    return 0;
  }
}
