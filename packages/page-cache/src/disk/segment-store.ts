import type { FileSystem, Runtime } from "@headwater/core";
import { type Extent, type Extents, extentsOf } from "./extents.js";
import type { Checksum } from "./record.js";
import { beganAtMs, listAllSegments, listSegments, removeSegment, type StoredSegment } from "./segment-files.js";
import type { SegmentReader } from "./segment-reader.js";
import { SegmentWriter, storedBytes } from "./segment-writer.js";

export interface SegmentStoreOptions {
  readonly fs: FileSystem;
  readonly runtime: Runtime;
  /** What is shared with other databases. */
  readonly path: string;
  /** This database's own folder in it. */
  readonly dir: string;
  readonly maxBytes: number;
  readonly checksum: Checksum;
  readonly reader: SegmentReader;
  /** The ranges that are there: kept in step with what is moved and removed. */
  readonly files: Map<string, Extents>;
  /** Bytes in `dir` at the start. */
  readonly ownBytes: number;
}

/** 64 MiB: a segment's two files cost an open process a few microseconds, and its index a few kilobytes. */
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
/** So that making room takes a sixteenth of the cache at a time. */
const SEGMENTS_IN_ALL = 16;
/** What was read since it was written is carried over; but making room never moves more than this. */
const MOVED_SEGMENTS_MAX = 4;
/** Written at once: a quarter of a millisecond of copying and checking. */
const WRITE_BYTES_MAX = 256 * 1024;
/** Every process that fetches something leaves a segment; more small ones than this are put together. */
const SMALL_SEGMENTS_MAX = 32;
/** Those that are younger are perhaps still being written to, by another process. */
const SMALL_AGE_MS = 10 * 60 * 1000;

/** The segments of one database under a path that others may share: appends to its own, and keeps all within bounds. */
export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #segmentBytes: number;
  #writer: SegmentWriter | undefined;
  #ownBytes: number;
  /** Bytes under the path, as of the last look and what was written here since. Not known before the first. */
  #totalBytes = Number.POSITIVE_INFINITY;
  #isMoving = false;

  constructor(options: SegmentStoreOptions) {
    this.#options = options;
    this.#ownBytes = options.ownBytes;
    this.#segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.floor(options.maxBytes / SEGMENTS_IN_ALL));
  }

  /** Bytes of this database's segments. */
  get ownBytes(): number {
    return this.#ownBytes;
  }

  /**
   * Appends a range that is not there yet, in parts between which others run.
   *
   * @throws what the file system throws. What was appended before counts.
   */
  async append(file: string, start: number, bytes: Uint8Array): Promise<void> {
    const partBytes = Math.min(WRITE_BYTES_MAX, Math.floor(this.#segmentBytes / 2));
    for (let at = 0; at < bytes.byteLength; at += partBytes) {
      if (at > 0) await this.#options.runtime.timers.turn();
      const part = bytes.subarray(at, at + partBytes);
      const { writer, record } = await this.#appendPart(file, start + at, part);
      extentsOf(this.#options.files, file).add(record, writer.name);
    }
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }

  async #appendPart(
    file: string,
    start: number,
    bytes: Uint8Array,
  ): Promise<{ readonly writer: SegmentWriter; readonly record: ReturnType<SegmentWriter["append"]>["record"] }> {
    const room = storedBytes(file, bytes.byteLength);
    if (this.#writer !== undefined && !this.#fits(this.#writer, room)) {
      this.close();
      // Others write here too: with each segment their growth is looked at again.
      this.#totalBytes = Number.POSITIVE_INFINITY;
    }
    if (this.#totalBytes + room > this.#options.maxBytes) await this.#makeRoom(room);
    if (this.#writer === undefined && !this.#isMoving) await this.#putTogether();
    const { fs, dir, runtime } = this.#options;
    this.#writer ??= new SegmentWriter(fs, dir, runtime);
    const writer = this.#writer;
    const { record, written } = writer.append(file, start, bytes, this.#options.checksum);
    this.#ownBytes += written;
    this.#totalBytes += written;
    return { writer, record };
  }

  #fits(writer: SegmentWriter, room: number): boolean {
    return writer.dataBytes + room <= this.#segmentBytes && writer.isThere;
  }

  /** Removes the oldest segments, whosever they are, until so many bytes fit. */
  async #makeRoom(bytes: number): Promise<void> {
    const { fs, path, dir, maxBytes } = this.#options;
    const segments = listAllSegments(fs, path);
    this.#totalBytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#ownBytes = segments.reduce((sum, segment) => sum + (segment.dir === dir ? segment.bytes : 0), 0);
    // What is being carried over fits: the segment that it comes from is gone.
    if (this.#isMoving) return;
    let toMove = MOVED_SEGMENTS_MAX * this.#segmentBytes;
    for (const segment of segments) {
      if (this.#totalBytes + bytes <= maxBytes) return;
      if (segment.dir === dir && segment.name === this.#writer?.name) continue;
      toMove -= await this.#remove(segment, toMove, (extent) => extent.visited);
    }
  }

  /** The smallest of the database's segments become one, when there are many. */
  async #putTogether(): Promise<void> {
    const { fs, dir, runtime } = this.#options;
    const before = runtime.clock.nowMs() - SMALL_AGE_MS;
    const isSmall = ({ name, bytes }: StoredSegment): boolean => bytes < this.#segmentBytes / 4 && beganAtMs(name) < before;
    const small = listSegments(fs, dir).filter(isSmall);
    if (small.length <= SMALL_SEGMENTS_MAX) return;
    for (const segment of small) await this.#remove(segment, segment.bytes, () => true);
  }

  /** Removes a segment; those of its ranges that are worth it are carried over, up to `bytesMax`. Returns how much was. */
  async #remove(segment: StoredSegment, bytesMax: number, isWorthIt: (extent: Extent) => boolean): Promise<number> {
    const { fs, dir, reader, files } = this.#options;
    const isOwn = segment.dir === dir;
    if (isOwn) reader.hold(segment.name);
    removeSegment(fs, segment.dir, segment.name);
    this.#totalBytes -= segment.bytes;
    if (!isOwn) return 0;
    this.#ownBytes -= segment.bytes;
    this.#isMoving = true;
    let moved = 0;
    try {
      for (const [file, extents] of [...files]) {
        const lost = new Set<Extent>();
        for (const extent of [...extents].filter((e) => e.segment === segment.name)) {
          const length = extent.end - extent.start;
          if (moved + length <= bytesMax && isWorthIt(extent) && (await this.#move(file, extent))) moved += length;
          else lost.add(extent);
        }
        if (lost.size > 0) extents.remove((extent) => lost.has(extent));
        if (extents.isEmpty) files.delete(file);
      }
    } finally {
      this.#isMoving = false;
      reader.close(segment.name);
    }
    return moved;
  }

  async #move(file: string, extent: Extent): Promise<boolean> {
    const bytes = new Uint8Array(extent.end - extent.start);
    if (!this.#options.reader.read(extent, extent.start, extent.end, bytes)) return false;
    await this.#options.runtime.timers.turn();
    const { writer, record } = await this.#appendPart(file, extent.start, bytes);
    extent.segment = writer.name;
    extent.dataOffset = record.dataOffset;
    extent.visited = false;
    return true;
  }
}
