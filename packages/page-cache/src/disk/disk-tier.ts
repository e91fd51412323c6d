import type { FileSystem, Runtime } from "@headwater/core";
import { type Extents, extentsOf } from "./extents.js";
import { loadSegments } from "./load.js";
import type { Checksum } from "./record.js";
import { SegmentReader } from "./segment-reader.js";
import { SegmentStore } from "./segment-store.js";

export interface DiskTierOptions {
  readonly fs: FileSystem;
  readonly runtime: Runtime;
  /** Folder that may be shared with other databases, other processes, and nothing else. Made where it is missing. */
  readonly path: string;
  /** Upper bound of the bytes of all files under `path`, whoever wrote them. At least {@link DISK_BYTES_MIN}. */
  readonly maxBytes: number;
  /** What the files belong to: store and bucket, as text. Two that differ never see each other's ranges. */
  readonly store: string;
  /** 64 bits over some bytes. */
  readonly checksum: Checksum;
  /** Resolves when nobody waits for the thread: ranges are written then. Default: at once. */
  readonly whenIdle?: () => Promise<void>;
  /** Writing failed (the disk is full, say) and has ended; what is there is still read. Called once at most. */
  readonly onWriteFailure?: (error: unknown) => void;
  /** The counters have changed. */
  readonly onChange?: (tier: DiskTier) => void;
}

/** 1 MiB: 16 segments of 64 KiB. */
export const DISK_BYTES_MIN: number = 1024 * 1024;
/** Ranges that wait to be written; what comes on top is not kept. As much as an open holds of small files. */
export const PENDING_BYTES_MAX: number = 16 * 1024 * 1024;
/** The thread is let go after this much, in bytes: about a millisecond of copying and checking. */
const SLICE_BYTES = 1024 * 1024;

interface Pending {
  readonly file: string;
  readonly start: number;
  readonly bytes: Uint8Array;
}

/**
 * Ranges of immutable files on a local disk, which survive restarts. A range is found by the full identity of its file
 * (the caller's text: store, key, ETag, size) and its offset, and is checked when it is read, so that a torn, swapped or
 * flipped one is a miss and never wrong bytes. Nothing is synced and nothing is locked: every process appends to
 * segments of its own and reads those that it found when it opened. Whoever needs room removes the oldest segments; what
 * was read since it was written is carried over, so that one scan does not wash out the rest.
 */
export class DiskTier {
  readonly #options: DiskTierOptions;
  readonly #files: Map<string, Extents>;
  readonly #reader: SegmentReader;
  readonly #segments: SegmentStore;
  #queue: Pending[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #isWritable = true;
  #closing: Promise<void> | undefined;
  #hurry!: () => void;
  /** Resolves when it is to be closed: nobody waits for an idle moment any more. */
  readonly #hurried: Promise<void> = new Promise((resolve) => {
    this.#hurry = resolve;
  });
  #hits = 0;
  #misses = 0;

  private constructor(options: DiskTierOptions, files: Map<string, Extents>, dir: string, ownBytes: number) {
    const { fs, checksum } = options;
    this.#options = options;
    this.#files = files;
    this.#reader = new SegmentReader(fs, dir, checksum);
    this.#segments = new SegmentStore({ ...options, dir, reader: this.#reader, files, ownBytes });
  }

  /**
   * Makes the folder where it is missing, and reads the indexes of what earlier processes left there for this store.
   *
   * @throws what the file system throws when the folder can't be made or listed.
   */
  static async open(options: DiskTierOptions): Promise<DiskTier> {
    const { fs, path, store, checksum } = options;
    const folder = checksum(new TextEncoder().encode(store)).toString(16).padStart(16, "0");
    const dir = fs.join(path, folder);
    // The caller's requests go out before this thread turns to its files.
    await options.runtime.timers.turn();
    fs.mkdir(dir, 0o700);
    const { files, bytes } = await loadSegments({ ...options, dir });
    const tier = new DiskTier(options, files, dir, bytes);
    options.onChange?.(tier);
    return tier;
  }

  /** Ranges that were asked for and found whole. */
  get hits(): number {
    return this.#hits;
  }
  /** Ranges that were asked for and not found, not whole, or damaged. */
  get misses(): number {
    return this.#misses;
  }
  /** Bytes of this store's files under the path, as far as this process knows. */
  get bytes(): number {
    return this.#segments.ownBytes;
  }

  /** The bytes `[start, end)` of a file where all of them are there and undamaged. Counts as a hit or a miss. */
  async read(file: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#read(file, start, end);
    if (bytes === undefined) this.#misses += 1;
    else this.#hits += 1;
    this.#options.onChange?.(this);
    return bytes;
  }

  async #read(file: string, start: number, end: number): Promise<Uint8Array | undefined> {
    const name = this.#identity(file);
    const extents = this.#files.get(name)?.covering(start, end);
    if (extents === undefined || this.#closing !== undefined || !(start < end)) return undefined;
    const out = new Uint8Array(end - start);
    let spent = 0;
    for (const extent of extents) {
      const [from, to] = [Math.max(start, extent.start), Math.min(end, extent.end)];
      if (spent + to - from > SLICE_BYTES && spent > 0) {
        spent = 0;
        await this.#options.runtime.timers.turn();
      }
      spent += to - from;
      if (!this.#reader.read(extent, from, to, out.subarray(from - start, to - start))) {
        // The range will come whole from the store. What else of it is here was not looked at, and may be damaged too.
        this.#files.get(name)?.remove((e) => extents.includes(e));
        return undefined;
      }
      extent.visited = true;
    }
    return out;
  }

  /**
   * Keeps a range, which must not be changed afterwards; what of it is there already is not written again. Returns at
   * once. Nothing is promised: it is dropped when too much waits, or when the disk can't be written.
   */
  put(file: string, start: number, bytes: Uint8Array): void {
    if (!this.#isWritable || this.#closing !== undefined || this.#pendingBytes + bytes.byteLength > PENDING_BYTES_MAX) return;
    this.#queue.push({ file: this.#identity(file), start, bytes });
    this.#pendingBytes += bytes.byteLength;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Forgets what is there of a file, for example because it can't be decoded. */
  forget(file: string): void {
    const name = this.#identity(file);
    this.#files.delete(name);
    for (const { bytes } of this.#queue.filter((pending) => pending.file === name)) this.#pendingBytes -= bytes.byteLength;
    this.#queue = this.#queue.filter((pending) => pending.file !== name);
  }

  /** Resolves when everything that was put is written, or given up. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Writes what waits, without regard for anybody, and ends. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#hurry();
    await this.written();
    this.#segments.close();
    this.#reader.closeAll();
  }

  async #writeAll(): Promise<void> {
    const { whenIdle, runtime } = this.#options;
    for (;;) {
      if (whenIdle !== undefined && this.#closing === undefined) await Promise.race([whenIdle(), this.#hurried]);
      await runtime.timers.turn();
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#pendingBytes -= next.bytes.byteLength;
      await this.#write(next);
    }
  }

  async #write({ file, start, bytes }: Pending): Promise<void> {
    if (!this.#isWritable) return;
    try {
      for (const gap of extentsOf(this.#files, file).missing(start, start + bytes.byteLength)) {
        await this.#segments.append(file, gap.start, bytes.subarray(gap.start - start, gap.end - start));
      }
    } catch (error) {
      this.#isWritable = false;
      this.#queue = [];
      this.#pendingBytes = 0;
      this.#options.onWriteFailure?.(error);
    }
    this.#options.onChange?.(this);
  }

  /** The folder's name is a short digest of the store; the records say it in full. */
  #identity(file: string): string {
    return `${this.#options.store}\n${file}`;
  }
}
