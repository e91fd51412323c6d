import type { FileHandle, FileSystem } from "@headwater/core";
import type { Extent } from "./extents.js";
import { type Checksum, PIECE_BYTES } from "./record.js";
import { dataPath } from "./segment-files.js";

/** Files that are kept open: enough for a gigabyte of cache, and far below what a process may have. */
const HANDLES_MAX = 32;

/** Reads ranges of segments, and checks what it read. */
export class SegmentReader {
  readonly #fs: FileSystem;
  readonly #dir: string;
  readonly #checksum: Checksum;
  /** Least recently used first. */
  readonly #handles = new Map<string, FileHandle>();

  constructor(fs: FileSystem, dir: string, checksum: Checksum) {
    this.#fs = fs;
    this.#dir = dir;
    this.#checksum = checksum;
  }

  /**
   * Copies the part `[start, end)` of a file, which must lie within the extent, to `into`.
   *
   * @returns False when the segment is gone, torn or damaged there. `into` may have been written to all the same.
   */
  read(extent: Extent, start: number, end: number, into: Uint8Array): boolean {
    const handle = this.#open(extent.segment);
    if (handle === undefined) return false;
    const length = extent.end - extent.start;
    const first = Math.floor((start - extent.start) / PIECE_BYTES);
    const last = Math.floor((end - 1 - extent.start) / PIECE_BYTES);
    for (let i = first; i <= last; i += 1) {
      const from = i * PIECE_BYTES;
      const to = Math.min(length, from + PIECE_BYTES);
      const offset = extent.start + from - start;
      const whole = offset >= 0 && offset + to - from <= into.byteLength;
      const piece = whole ? into.subarray(offset, offset + to - from) : new Uint8Array(to - from);
      if (!this.#readPiece(handle, extent.dataOffset + from, piece) || this.#checksum(piece) !== extent.checksums[i]) return false;
      if (!whole) {
        const skip = Math.max(0, -offset);
        into.set(piece.subarray(skip, Math.min(piece.byteLength, end - extent.start - from)), offset + skip);
      }
    }
    return true;
  }

  /** The segment was removed, or its name is given up. */
  close(segment: string): void {
    this.#handles.get(segment)?.close();
    this.#handles.delete(segment);
  }

  /** A file that goes on being read when it is removed. */
  hold(segment: string): void {
    this.#open(segment);
  }

  closeAll(): void {
    for (const segment of [...this.#handles.keys()]) this.close(segment);
  }

  #readPiece(handle: FileHandle, offset: number, into: Uint8Array): boolean {
    try {
      return handle.read(into, offset) === into.byteLength;
    } catch {
      // Whatever the disk says: it is a cache, and the store has the bytes.
      return false;
    }
  }

  #open(segment: string): FileHandle | undefined {
    let handle = this.#handles.get(segment);
    if (handle === undefined) {
      try {
        handle = this.#fs.open(dataPath(this.#fs, this.#dir, segment), "r");
      } catch {
        return undefined; // Another process made room.
      }
    } else this.#handles.delete(segment);
    this.#handles.set(segment, handle);
    const [oldest] = this.#handles.keys();
    if (this.#handles.size > HANDLES_MAX && oldest !== undefined) this.close(oldest);
    return handle;
  }
}
