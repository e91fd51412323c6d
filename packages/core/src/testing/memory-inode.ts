import type { SeededRandom } from "./seeded-random.js";

/** What a disk writes as a whole. */
const SECTOR_BYTES = 512;

/** Bytes that grow. `buffer` may be longer than the `size` bytes that count; the rest of it is zeros. */
interface Content {
  buffer: Uint8Array;
  size: number;
}

/** One write, or (without `bytes`) a truncation to `offset`. */
interface Change {
  readonly offset: number;
  readonly bytes?: Uint8Array;
}

/** One file: what programs see, what is on the disk for certain, and the changes between them. */
export class MemoryInode {
  readonly ino: bigint;
  mtimeNs: bigint;
  #seen: Content = { buffer: new Uint8Array(0), size: 0 };
  #synced: Content = { buffer: new Uint8Array(0), size: 0 };
  #pending: Change[] = [];

  constructor(ino: bigint, mtimeNs: bigint) {
    this.ino = ino;
    this.mtimeNs = mtimeNs;
  }

  get size(): number {
    return this.#seen.size;
  }

  read(into: Uint8Array, offset: number): number {
    const n = Math.max(0, Math.min(into.byteLength, this.#seen.size - offset));
    into.set(this.#seen.buffer.subarray(offset, offset + n));
    return n;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#change({ offset, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.#change({ offset: size });
  }

  sync(): void {
    for (const change of this.#pending) apply(this.#synced, change);
    this.#pending = [];
  }

  /** Each unsynced change reaches the disk, is lost, or (a write) is cut at a sector's boundary. */
  crash(random: SeededRandom): void {
    for (const change of this.#pending) {
      const fate = random.below(3);
      if (fate === 0) continue;
      const kept = fate === 1 ? change : cut(change, random);
      if (kept !== undefined) apply(this.#synced, kept);
    }
    this.#pending = [];
    this.#seen = { buffer: this.#synced.buffer.slice(), size: this.#synced.size };
  }

  #change(change: Change): void {
    apply(this.#seen, change);
    this.#pending.push(change);
  }
}

function apply(content: Content, { offset, bytes }: Change): void {
  if (bytes === undefined) {
    if (offset > content.size) reserve(content, offset);
    content.buffer.fill(0, offset, content.size);
    content.size = offset;
    return;
  }
  if (bytes.byteLength === 0) return;
  const end = offset + bytes.byteLength;
  reserve(content, end);
  content.buffer.set(bytes, offset);
  content.size = Math.max(content.size, end);
}

function reserve(content: Content, size: number): void {
  if (size <= content.buffer.byteLength) return;
  const grown = new Uint8Array(Math.max(size, content.buffer.byteLength * 2));
  grown.set(content.buffer.subarray(0, content.size));
  content.buffer = grown;
}

/** The beginning of a write, up to a boundary of the file's sectors; nothing where it has none inside. A truncation is done or not. */
function cut({ offset, bytes }: Change, random: SeededRandom): Change | undefined {
  if (bytes === undefined) return undefined;
  const first = Math.floor(offset / SECTOR_BYTES) + 1;
  const last = Math.ceil((offset + bytes.byteLength) / SECTOR_BYTES) - 1;
  if (last < first) return undefined;
  const boundary = (first + random.below(last - first + 1)) * SECTOR_BYTES;
  return { offset, bytes: bytes.subarray(0, boundary - offset) };
}
