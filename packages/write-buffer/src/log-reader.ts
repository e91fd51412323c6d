import { type FileHandle, type FileSystem, HeadwaterError } from "@headwater/core";
import { viewOf } from "./log/bytes.js";
import { decodeMarkFoot, decodeMarkHead, FRAME_HEAD_BYTES, MARK_ENTRY_BYTES, MARK_HEAD_BYTES, type Mark, markBytes } from "./log/record.js";
import { bufferError, listSegments, SEGMENT_HEADER_BYTES, segmentName } from "./log/segment.js";
import { syncFile } from "./log/sync-file.js";

/** The newest commit, as the SQLite thread published it in shared memory. */
export interface Published {
  readonly sequence: number;
  /** The log's offset behind its mark. */
  readonly endOffset: number;
}

/** One published transaction. Sizes in pages. */
export interface LogTransaction {
  readonly sequence: number;
  /** Database size after it. */
  readonly commit: number;
  /** Smallest size since it began, that at its begin included. */
  readonly minSizePages: number;
  /** Its pages, and where {@link LogReader.readPage} finds them. */
  readonly pages: ReadonlyMap<number, number>;
}

export interface LogReaderOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  readonly pageSize: number;
  readonly published: () => Published;
}

/** Bytes read at once at a mark's end: all of the mark of a small transaction. */
const TAIL_BYTES = 256;
/** Steps between two offers to yield. */
const STEPS_PER_SLICE = 128;

/**
 * The read side of the log, for the I/O thread: published transactions only, through descriptors of its own. It walks
 * backwards from the newest mark once, and remembers where the marks are.
 */
export class LogReader {
  readonly #options: LogReaderOptions;
  /** Segments; complete for offsets before `#listedEnd`. */
  #starts: number[] = [];
  #listedEnd = 0;
  /** The log is durable up to there, and the names of segments up to that one. */
  #durableEnd = 0;
  #durableName = -1;
  readonly #handles = new Map<number, FileHandle>();
  /** Offsets of known marks and their ends; the first is that of sequence `#first`. */
  #first = 1;
  #marks: number[] = [];
  #ends: number[] = [];

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  /**
   * The transactions after `fromSequence`, up to and including `toSequence`, oldest first.
   * @throws `SQLITE_IOERR_READ` when the log can't be read or is not what was written.
   */
  *transactions(fromSequence: number, toSequence: number): IterableIterator<LogTransaction> {
    for (const _ of this.locate(fromSequence)) {
      // A caller with a deadline locates by itself.
    }
    for (let sequence = fromSequence + 1; sequence <= toSequence; sequence += 1) yield this.transaction(sequence);
  }

  /** Finds the marks of everything published after `fromSequence`. Yields where the caller may let others run. */
  *locate(fromSequence: number): IterableIterator<void> {
    const { sequence: newest, endOffset } = this.#options.published();
    const known = this.#first + this.#marks.length - 1;
    if (this.#marks.length > 0 && fromSequence + 1 < this.#first) this.#failed(`transaction ${fromSequence + 1} was given up already`);
    const stop = this.#marks.length > 0 ? known : fromSequence;
    const marks: number[] = [];
    const ends: number[] = [];
    let end = endOffset;
    for (let sequence = newest; sequence > stop; sequence -= 1) {
      const mark = this.#markBefore(end, sequence);
      const at = end - mark.length;
      marks.push(at);
      ends.push(end);
      const start = at - mark.frames * (FRAME_HEAD_BYTES + this.#options.pageSize);
      end = this.#previousEnd(start);
      if (marks.length % STEPS_PER_SLICE === 0) yield;
    }
    if (this.#marks.length === 0) this.#first = stop + 1;
    this.#marks = this.#marks.concat(marks.reverse());
    this.#ends = this.#ends.concat(ends.reverse());
  }

  /** One located transaction. @throws `SQLITE_IOERR_READ`. */
  transaction(sequence: number): LogTransaction {
    const { commit, minSizePages, entries } = this.record(sequence);
    return { sequence, commit, minSizePages, pages: new Map(entries()) };
  }

  /** The same with its pages one by one, for a caller that yields while it walks them. @throws `SQLITE_IOERR_READ`. */
  record(sequence: number): Omit<LogTransaction, "pages"> & { entries(): IterableIterator<[pgno: number, address: number]> } {
    const at = this.#marks[sequence - this.#first];
    const end = this.#ends[sequence - this.#first];
    if (at === undefined || end === undefined) return this.#failed(`transaction ${sequence} is not in the log`);
    const bytes = this.#read(at, end - at);
    const mark = decodeMarkHead(bytes);
    if (mark?.sequence !== sequence || mark.length !== bytes.byteLength) return this.#failed(`no mark at offset ${at}`);
    const { commit, minSizePages } = mark;
    return { sequence, commit, minSizePages, entries: () => this.#entries(bytes, mark, at) };
  }

  *#entries(bytes: Uint8Array, mark: Mark, at: number): IterableIterator<[pgno: number, address: number]> {
    const view = viewOf(bytes);
    const frameBytes = FRAME_HEAD_BYTES + this.#options.pageSize;
    const first = at - mark.frames * frameBytes;
    for (let i = 0; i < mark.pages; i += 1) {
      const entry = MARK_HEAD_BYTES + i * MARK_ENTRY_BYTES;
      const frame = view.getUint32(entry + 4);
      if (frame >= mark.frames) return this.#failed(`frame out of range at offset ${at}`);
      yield [view.getUint32(entry), first + frame * frameBytes];
    }
  }

  /** How many pages a located transaction has, without reading their list. */
  pageCount(sequence: number): number {
    const length = (this.#ends[sequence - this.#first] ?? 0) - (this.#marks[sequence - this.#first] ?? 0);
    return Math.max(0, (length - markBytes(0)) / MARK_ENTRY_BYTES);
  }

  /** Reads the page at an address of {@link LogTransaction.pages} into `into`, which is a page long. @throws `SQLITE_IOERR_READ`. */
  readPage(address: number, into: Uint8Array): void {
    this.#readInto(address + FRAME_HEAD_BYTES, into);
  }

  /** Makes the log durable up to the newest commit, oldest segment first. @throws `BUFFER_UNWRITABLE`. */
  async fsync(): Promise<void> {
    const { fs, dir, published } = this.#options;
    const { endOffset } = published();
    try {
      const starts = listSegments(fs, dir).filter((start) => start < endOffset || start === 0);
      for (const [i, start] of starts.entries()) {
        if ((starts[i + 1] ?? Number.POSITIVE_INFINITY) > this.#durableEnd) await syncFile(this.#handleOf(start));
      }
      const newest = starts[starts.length - 1] ?? 0;
      if (newest > this.#durableName) fs.syncDir(dir);
      this.#durableName = newest;
      this.#durableEnd = endOffset;
    } catch (error) {
      throw bufferError("make the write buffer durable", dir, error);
    }
  }

  /** Forgets the transactions up to `sequence`, and closes the files that hold nothing later. */
  release(sequence: number): void {
    const count = Math.min(this.#marks.length, Math.max(0, sequence + 1 - this.#first));
    const end = this.#ends[count - 1];
    this.#marks.splice(0, count);
    this.#ends.splice(0, count);
    this.#first += count;
    if (end === undefined) return;
    while ((this.#starts[1] ?? Number.POSITIVE_INFINITY) <= end) {
      const start = this.#starts.shift();
      if (start === undefined) return;
      this.#handles.get(start)?.close();
      this.#handles.delete(start);
    }
  }

  close(): void {
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
    this.#starts = [];
  }

  #markBefore(end: number, sequence: number): Mark {
    const segment = this.#startOf(end - 1);
    const from = Math.max(segment, end - TAIL_BYTES);
    const tail = this.#read(from, end - from);
    const foot = decodeMarkFoot(tail);
    if (foot === undefined || foot.length > end - segment) return this.#failed(`no mark before offset ${end}`);
    const inTail = tail.byteLength - foot.length;
    const mark = decodeMarkHead(inTail >= 0 ? tail.subarray(inTail) : this.#read(end - foot.length, MARK_HEAD_BYTES));
    if (mark?.length !== foot.length || mark.sequence !== sequence) return this.#failed(`wrong mark before offset ${end}`);
    return mark;
  }

  /** Where the transaction before one that begins at `start` ends. */
  #previousEnd(start: number): number {
    const segment = this.#startOf(start);
    if (start < segment + SEGMENT_HEADER_BYTES) this.#failed(`a transaction reaches out of its segment at offset ${start}`);
    return start === segment + SEGMENT_HEADER_BYTES ? segment : start;
  }

  #read(offset: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    this.#readInto(offset, bytes);
    return bytes;
  }

  #readInto(offset: number, into: Uint8Array): void {
    let cause: unknown;
    try {
      const { start, handle } = this.#segmentOf(offset);
      if (handle.read(into, offset - start) === into.byteLength) return;
    } catch (error) {
      cause = error;
    }
    this.#failed(`${into.byteLength} bytes at offset ${offset} are not there`, cause);
  }

  /** The segment that holds an offset before the published end. May throw the system's error. */
  #segmentOf(offset: number): { readonly start: number; readonly handle: FileHandle } {
    const { fs, dir } = this.#options;
    if (offset >= this.#listedEnd) {
      // In this order: what is published lies in segments that exist.
      this.#listedEnd = this.#options.published().endOffset;
      this.#starts = listSegments(fs, dir);
    }
    const start = this.#starts.findLast((s) => s <= offset);
    if (start === undefined) return this.#failed(`no segment for offset ${offset}`);
    return { start, handle: this.#handleOf(start) };
  }

  #handleOf(start: number): FileHandle {
    const { fs, dir } = this.#options;
    const open = this.#handles.get(start) ?? fs.open(fs.join(dir, segmentName(start)), "r+");
    this.#handles.set(start, open);
    return open;
  }

  #startOf(offset: number): number {
    try {
      return this.#segmentOf(offset).start;
    } catch (error) {
      return this.#failed(`no segment for offset ${offset}`, error);
    }
  }

  #failed(what: string, cause?: unknown): never {
    throw new HeadwaterError(
      "SQLITE_IOERR_READ",
      `can't read the write buffer: ${what}; was a file there changed or removed? dir=${this.#options.dir}`,
      { cause },
    );
  }
}
