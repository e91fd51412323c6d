import { type FileHandle, type FileSystem, HeadwaterError } from "@headwater/core";
import { crc64 } from "@headwater/ltx";
import { AppendBuffer } from "./append-buffer.js";
import { FRAME_HEAD_BYTES, MARK_CHAIN_AT, MARK_FOOT_BYTES, type Salt, writeFrameHead } from "./record.js";
import { bufferError, encodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName, syncParent } from "./segment.js";

/** Frames gathered before one write. */
const APPEND_FRAMES = 64;

interface Segment {
  readonly start: number;
  readonly handle: FileHandle;
  /** Something in it is not durable. */
  dirty: boolean;
  /** Its name in the directory is durable. */
  named: boolean;
}

/** Where a log stands: behind its last published mark. */
export interface LogPosition {
  /** Offset where the next record begins. */
  readonly end: number;
  readonly chain: bigint;
  readonly sequence: number;
  /** Size of the database, in pages. */
  readonly commit: number;
}

export interface LogWriterOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  /** What every new segment's header repeats. */
  readonly common: Omit<SegmentHeader, "start" | "previous">;
  readonly segmentBytes: number;
  /** Bytes of frames kept in memory while the log can't be written. */
  readonly memoryBytesMax: number;
}

/**
 * The end of the log: appends to its unpublished tail, cuts it, and reads frames back from wherever they are. Knows
 * bytes and files, not transactions' rules. Segments begin at a transaction's first frame only, so a tail lies in one.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #frameBytes: number;
  readonly #buffer: AppendBuffer;
  #segments: Segment[] = [];
  /** Segments that nothing needs, on their way out. */
  #garbage: Segment[] = [];
  #published: LogPosition;
  /** Where the buffer's first byte belongs. */
  #bufferStart: number;
  #chain: bigint;
  /** The tail begins a segment that has no file yet. */
  #rolling = false;
  /** Bytes past the published end may be in the file. */
  #dirty = false;
  /** They belong to an attempt that is over. */
  #cutPending = false;
  /** A mark may be in the file there. */
  #markAt: number | undefined;
  /** Why frames are kept in memory. */
  #failure: unknown;

  private constructor(options: LogWriterOptions, position: LogPosition) {
    this.#options = options;
    this.#frameBytes = FRAME_HEAD_BYTES + options.common.pageSize;
    this.#buffer = new AppendBuffer(APPEND_FRAMES * this.#frameBytes);
    this.#published = position;
    this.#bufferStart = position.end;
    this.#chain = position.chain;
  }

  /** A new log. @throws `BUFFER_UNWRITABLE`. */
  static create(options: LogWriterOptions, position: Omit<LogPosition, "end">): LogWriter {
    const writer = new LogWriter(options, { ...position, end: 0 });
    writer.#attempt("create the write buffer", () => {
      const existed = options.fs.stat(options.dir) !== undefined;
      options.fs.mkdir(options.dir, 0o700);
      try {
        // Also where it exists: who made it may have died before this.
        syncParent(options.fs, options.dir);
      } catch (error) {
        // A parent that may not be read is no reason to refuse a directory that somebody made for us.
        if (!existed) throw error;
      }
      writer.#createSegment();
      writer.sync();
    });
    return writer;
  }

  /** Goes on behind `position`, where the last of the `starts` ends. @throws `BUFFER_UNWRITABLE`. */
  static resume(options: LogWriterOptions, position: LogPosition, starts: readonly number[]): LogWriter {
    const writer = new LogWriter(options, position);
    writer.#attempt("open the write buffer", () => {
      for (const start of starts) {
        writer.#segments.push({ start, handle: options.fs.open(writer.#path(start), "r+"), dirty: false, named: true });
      }
    });
    writer.#bufferStart = writer.#appendPoint();
    return writer;
  }

  /** Behind the last published mark. */
  get position(): LogPosition {
    return this.#published;
  }

  /** Behind the last appended byte. */
  get end(): number {
    return this.#bufferStart + this.#buffer.length;
  }

  get frameBytes(): number {
    return this.#frameBytes;
  }

  /** Starts a tail: a new segment once the current one is full. */
  begin(): void {
    const current = this.#segments[this.#segments.length - 1];
    const used = current === undefined ? 0 : this.#published.end - current.start;
    if (used < this.#options.segmentBytes || used <= SEGMENT_HEADER_BYTES) return;
    this.#rolling = true;
    this.#bufferStart = this.#published.end + SEGMENT_HEADER_BYTES;
  }

  /**
   * Appends a frame and returns its offset.
   * @throws `BUFFER_UNWRITABLE` when neither the file nor memory has room.
   */
  appendFrame(pgno: number, salt: Salt, page: Uint8Array): number {
    const size = this.#frameBytes;
    if (this.#buffer.wouldOverflow(size) && this.#failure === undefined) {
      try {
        this.#write();
      } catch (error) {
        this.#failure = error;
      }
    }
    if (this.#failure !== undefined && this.#buffer.length + size > this.#options.memoryBytesMax) {
      throw bufferError("append to the write buffer", this.#options.dir, this.#failure);
    }
    const at = this.#buffer.reserve(size);
    writeFrameHead(this.#buffer.view, at, pgno, salt);
    this.#buffer.set(page, at + FRAME_HEAD_BYTES);
    this.#chain = crc64(this.#buffer.slice(at, at + size), this.#chain);
    return this.#bufferStart + at;
  }

  /** Appends a mark and writes the whole tail to the file. @throws `BUFFER_UNWRITABLE`; the tail must then be cut. */
  appendMark(mark: Uint8Array): void {
    const offset = this.end;
    const chainAt = mark.byteLength - MARK_FOOT_BYTES + MARK_CHAIN_AT;
    this.#chain = crc64(mark.subarray(0, chainAt), this.#chain);
    const at = this.#buffer.reserve(mark.byteLength);
    this.#buffer.set(mark, at);
    this.#buffer.view.setBigUint64(at + chainAt, this.#chain);
    this.#attempt("append to the write buffer", () => this.#write(offset));
    this.#failure = undefined;
  }

  /** Makes the tail part of the log. Changes memory only. */
  publish(sequence: number, commit: number): void {
    this.#published = { end: this.end, chain: this.#chain, sequence, commit };
    this.#bufferStart = this.end;
    this.#buffer.clear();
    this.#dirty = false;
    this.#markAt = undefined;
  }

  /** Drops the tail. Never throws: what can't be done now is done before the next write. */
  cut(): void {
    this.#buffer.clear();
    this.#chain = this.#published.chain;
    this.#failure = undefined;
    this.#rolling = false;
    this.#bufferStart = this.#appendPoint();
    this.#cutPending ||= this.#dirty;
    try {
      this.#finishCut();
    } catch {
      // Nothing is appended before it succeeds, and FCNTL_SYNC then reports why it does not.
    }
  }

  /** Makes the log durable up to its end, oldest segment first. @throws `BUFFER_UNWRITABLE`. */
  sync(): void {
    this.#attempt("make the write buffer durable", () => {
      for (const segment of this.#segments) {
        if (!segment.dirty) continue;
        segment.handle.sync();
        segment.dirty = false;
      }
      if (this.#segments.every((segment) => segment.named)) return;
      this.#options.fs.syncDir(this.#options.dir);
      for (const segment of this.#segments) segment.named = true;
    });
  }

  /** Reads from the page in the frame at `address`. @throws `SQLITE_IOERR_READ`. */
  read(address: number, into: Uint8Array, offsetInPage: number): void {
    const inBuffer = address - this.#bufferStart;
    if (inBuffer >= 0) {
      const from = inBuffer + FRAME_HEAD_BYTES + offsetInPage;
      into.set(this.#buffer.slice(from, from + into.byteLength));
      return;
    }
    const segment = this.#segmentOf(address);
    let got = -1;
    let cause: unknown;
    try {
      got = segment?.handle.read(into, address - segment.start + FRAME_HEAD_BYTES + offsetInPage) ?? -1;
    } catch (error) {
      cause = error;
    }
    if (got === into.byteLength) return;
    throw new HeadwaterError(
      "SQLITE_IOERR_READ",
      `can't read a page back from the write buffer; was a file there changed or removed? dir=${this.#options.dir} offset=${address}`,
      {
        cause,
      },
    );
  }

  /**
   * Gives up the segments before the one that holds the byte before `offset`, up to which the log is durable: that one
   * has a durable header, so a crash never leaves a log without a beginning.
   */
  deleteBefore(offset: number): void {
    while ((this.#segments[1]?.start ?? Number.POSITIVE_INFINITY) < offset) {
      const segment = this.#segments.shift();
      if (segment !== undefined) this.#garbage.push(segment);
    }
  }

  /** Deletes one of the segments that were given up, oldest first: it takes milliseconds. Never throws. */
  tidy(): void {
    const segment = this.#garbage.shift();
    if (segment === undefined) return;
    try {
      segment.handle.close();
      this.#options.fs.remove(this.#path(segment.start));
    } catch {
      // Recovery needs nothing of a segment whose transactions are all in the replica, whether it is there or not.
    }
  }

  close(): void {
    for (const segment of [...this.#garbage, ...this.#segments]) segment.handle.close();
    this.#segments = [];
    this.#garbage = [];
  }

  #write(markAt?: number): void {
    this.#finishCut();
    if (this.#rolling) this.#createSegment();
    const current = this.#current();
    const count = this.#buffer.length;
    current.dirty = true;
    this.#dirty = true;
    this.#markAt = markAt;
    current.handle.write(this.#buffer.slice(0, count), this.#bufferStart - current.start);
    this.#bufferStart += count;
    this.#buffer.clear();
  }

  #finishCut(): void {
    if (!this.#cutPending) return;
    const { start, handle } = this.#current();
    // The truncation alone could be undone by a crash of the machine, and the dead mark would count again.
    if (this.#markAt !== undefined) handle.write(new Uint8Array(FRAME_HEAD_BYTES), this.#markAt - start);
    handle.truncate(this.#appendPoint() - start);
    this.#dirty = false;
    this.#cutPending = false;
    this.#markAt = undefined;
  }

  #createSegment(): void {
    const { fs, common } = this.#options;
    const { end: start, sequence, chain, commit } = this.#published;
    const handle = fs.open(this.#path(start), "w+", 0o600);
    try {
      handle.write(encodeSegmentHeader({ ...common, start, previous: { sequence, chain, commit } }), 0);
    } catch (error) {
      handle.close();
      throw error;
    }
    this.#segments.push({ start, handle, dirty: true, named: false });
    this.#rolling = false;
    this.#bufferStart = start + SEGMENT_HEADER_BYTES;
  }

  /** Where the next record begins: behind the header when the last segment holds none. */
  #appendPoint(): number {
    const current = this.#segments[this.#segments.length - 1];
    return current?.start === this.#published.end ? current.start + SEGMENT_HEADER_BYTES : this.#published.end;
  }

  #segmentOf(address: number): Segment | undefined {
    for (let i = this.#segments.length - 1; i >= 0; i -= 1) {
      const segment = this.#segments[i];
      if (segment !== undefined && segment.start <= address) return segment;
    }
    return undefined;
  }

  #current(): Segment {
    const current = this.#segments[this.#segments.length - 1];
    if (current === undefined) throw new HeadwaterError("CLOSED", `the write buffer is closed dir=${this.#options.dir}`);
    return current;
  }

  #path(start: number): string {
    return this.#options.fs.join(this.#options.dir, segmentName(start));
  }

  #attempt(what: string, task: () => void): void {
    try {
      task();
    } catch (error) {
      throw bufferError(what, this.#options.dir, error);
    }
  }
}
