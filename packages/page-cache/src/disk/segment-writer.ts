import type { FileHandle, FileSystem, Runtime } from "@headwater/core";
import { type Checksum, checksumsOf, encodeRecord, piecesIn, type RangeRecord } from "./record.js";
import { dataPath, indexPath, newSegmentName, removeSegment } from "./segment-files.js";

/**
 * Appends to one segment of this process's own. Nothing is synced: after a crash of the machine the checksums tell what
 * arrived whole.
 */
export class SegmentWriter {
  readonly name: string;
  readonly #fs: FileSystem;
  readonly #dir: string;
  readonly #data: FileHandle;
  readonly #index: FileHandle;
  readonly #ino: bigint | undefined;
  #dataBytes = 0;
  #indexBytes = 0;

  /** @throws what the file system throws; nothing is left behind then. */
  constructor(fs: FileSystem, dir: string, runtime: Runtime) {
    this.#fs = fs;
    this.#dir = dir;
    this.name = newSegmentName(runtime);
    this.#data = fs.open(dataPath(fs, dir, this.name), "wx+", 0o600);
    try {
      this.#index = fs.open(indexPath(fs, dir, this.name), "wx+", 0o600);
      this.#ino = fs.stat(dataPath(fs, dir, this.name))?.ino;
    } catch (error) {
      this.#data.close();
      removeSegment(fs, dir, this.name);
      throw error;
    }
  }

  /** Bytes of the ranges in it. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** False when another process has removed it, to make room. */
  get isThere(): boolean {
    return this.#fs.stat(dataPath(this.#fs, this.#dir, this.name))?.ino === this.#ino;
  }

  /**
   * Appends one range: its bytes first, then the record that makes them count.
   *
   * @throws what the file system throws. The range is not there then, and the segment can't be appended to any more.
   */
  append(file: string, start: number, bytes: Uint8Array, checksum: Checksum): { readonly record: RangeRecord; readonly written: number } {
    const checksums = checksumsOf(bytes, checksum);
    const record: RangeRecord = { file, start, length: bytes.byteLength, dataOffset: this.#dataBytes, checksums };
    const encoded = encodeRecord(record, checksum);
    this.#data.write(bytes, this.#dataBytes);
    this.#index.write(encoded, this.#indexBytes);
    this.#dataBytes += bytes.byteLength;
    this.#indexBytes += encoded.byteLength;
    return { record, written: bytes.byteLength + encoded.byteLength };
  }

  close(): void {
    this.#data.close();
    this.#index.close();
  }
}

/** Upper bound of what a range of so many bytes takes on the disk, its record included. */
export function storedBytes(file: string, length: number): number {
  // Three bytes of UTF-8 for each of JavaScript's characters; a checksum of 8 bytes for each piece.
  return length + 64 + 3 * file.length + 8 * piecesIn(length);
}
