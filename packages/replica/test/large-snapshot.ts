import { lockPgno, type Pgno } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { encodeHeader, encodeLtx, HEADER_SIZE, type HeaderInput } from "@headwater/ltx";
import type { RangeReader, ReplicaFile } from "../src/index.js";
import { id, listed } from "./support.js";

const CHECKPOINT = 4096;
const PATTERN = 997;

/** A page as it is stored: everything behind the page number. */
interface Template {
  readonly data: Uint8Array;
  readonly frame: Uint8Array;
}

/**
 * The file of a snapshot of any size, whose bytes are made up as they are asked for. Its pages are of a few kinds that
 * compress differently; which of them are common changes every million pages.
 */
export class LargeSnapshot implements RangeReader {
  readonly pageSize = 4096;
  readonly commit: number;
  readonly file: ReplicaFile;
  readonly indexBytes: number;
  readonly reads: { readonly start: number; readonly end: number }[] = [];
  readonly #templates: readonly Template[];
  readonly #patterns: readonly Uint8Array[];
  readonly #header: Uint8Array;
  /** Of every 4096th entry: where its frame is in the file, and where it is itself in the index. */
  readonly #offsets: Float64Array;
  readonly #positions: Float64Array;
  readonly #indexStart: number;

  constructor(commit: number, seed: number) {
    const random = new SeededRandom(seed);
    this.commit = commit;
    const header: HeaderInput = { pageSize: this.pageSize, commit, minTXID: id(1), maxTXID: id(1), timestampMs: 1_700_000_000_000 };
    this.#header = encodeHeader(header);
    this.#templates = [0, 300, 900, 1800, 3500].map((noise) => template(random, header, this.pageSize, noise));
    this.#patterns = Array.from({ length: Math.ceil(commit / 1e6) + 1 }, () => {
      const common = random.below(this.#templates.length);
      return Uint8Array.from({ length: PATTERN }, () => (random.chance(0.6) ? common : random.below(this.#templates.length)));
    });
    const entries = commit >= lockPgno(this.pageSize) ? commit - 1 : commit;
    this.#offsets = new Float64Array(Math.ceil(entries / CHECKPOINT));
    this.#positions = new Float64Array(this.#offsets.length);
    const sizes = this.#templates.map(({ frame }) => frame.length + 4);
    const lock = lockPgno(this.pageSize);
    let [offset, position] = [HEADER_SIZE, 0];
    for (let entry = 0; entry < entries; entry += 1) {
      if (entry % CHECKPOINT === 0) [this.#offsets[entry / CHECKPOINT], this.#positions[entry / CHECKPOINT]] = [offset, position];
      const pgno = entry + 1 < lock ? entry + 1 : entry + 2;
      const size = sizes[this.#kind(pgno)] ?? 0;
      position += varintLength(pgno) + varintLength(offset) + varintLength(size);
      offset += size;
    }
    this.#indexStart = offset + 6;
    this.indexBytes = position + 1;
    this.file = listed(9, 1, 1, this.#indexStart + this.indexBytes + 24);
  }

  pgnoOf(entry: number): number {
    return entry + 1 < lockPgno(this.pageSize) ? entry + 1 : entry + 2;
  }

  page(pgno: number): Uint8Array {
    return (this.#templates[this.#kind(pgno)] as Template).data;
  }

  #kind(pgno: number): number {
    return this.#patterns[Math.floor(pgno / 1e6)]?.[pgno % PATTERN] ?? 0;
  }

  #frameOf(pgno: number): Uint8Array {
    return (this.#templates[this.#kind(pgno)] as Template).frame;
  }

  async read(file: ReplicaFile, start: number, end: number): Promise<Uint8Array> {
    if (file !== this.file || start < 0 || end > file.size || start >= end) throw new RangeError(`no such range: ${start}-${end}`);
    this.reads.push({ start, end });
    const out = new Uint8Array(end - start);
    const put = (at: number, bytes: Uint8Array): void => {
      for (let i = Math.max(0, start - at); i < bytes.length && at + i < end; i += 1) out[at + i - start] = bytes[i] ?? 0;
    };
    put(0, this.#header);
    if (start < this.#indexStart) this.#putFrames(start, end, put);
    if (end > this.#indexStart) this.#putIndex(start - this.#indexStart, Math.min(end, file.size - 24) - this.#indexStart, out);
    const tail = new Uint8Array(24);
    new DataView(tail.buffer).setBigUint64(0, BigInt(this.indexBytes));
    new DataView(tail.buffer).setBigUint64(16, 2n ** 63n);
    put(file.size - 24, tail);
    return out;
  }

  #putFrames(start: number, end: number, put: (at: number, bytes: Uint8Array) => void): void {
    const checkpoint = lastAtMost(this.#offsets, start);
    let offset = this.#offsets[checkpoint] ?? HEADER_SIZE;
    for (let entry = checkpoint * CHECKPOINT; offset < end && offset < this.#indexStart - 6; entry += 1) {
      const frame = this.#frameOf(this.pgnoOf(entry));
      if (offset + frame.length + 4 > start) {
        const pgno = new Uint8Array(4);
        new DataView(pgno.buffer).setUint32(0, this.pgnoOf(entry));
        put(offset, pgno);
        put(offset + 4, frame);
      }
      offset += frame.length + 4;
    }
  }

  #putIndex(from: number, to: number, out: Uint8Array): void {
    const checkpoint = lastAtMost(this.#positions, Math.max(0, from));
    let position = this.#positions[checkpoint] ?? 0;
    let offset = this.#offsets[checkpoint] ?? HEADER_SIZE;
    const put = (value: number): void => {
      for (let rest = value; ; rest = Math.floor(rest / 128)) {
        if (position >= from && position < to) out[position - from] = rest < 0x80 ? rest : (rest % 128) | 0x80;
        position += 1;
        if (rest < 0x80) return;
      }
    };
    for (let entry = checkpoint * CHECKPOINT; position < to && position < this.indexBytes - 1; entry += 1) {
      const size = this.#frameOf(this.pgnoOf(entry)).length + 4;
      put(this.pgnoOf(entry));
      put(offset);
      put(size);
      offset += size;
    }
  }
}

function template(random: SeededRandom, header: HeaderInput, pageSize: number, noise: number): Template {
  const data = new Uint8Array(pageSize);
  data.set(random.bytes(noise));
  const { bytes, index } = encodeLtx({ header: { ...header, commit: 1 }, pages: [{ pgno: 1 as Pgno, data }] });
  return { data, frame: bytes.slice(HEADER_SIZE + 4, HEADER_SIZE + (index.sizes[0] ?? 0)) };
}

/** Position of the last number that is not larger. */
function lastAtMost(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : value < 2 ** 35 ? 5 : 6;
}
