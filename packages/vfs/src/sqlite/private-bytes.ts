import { type FileHandle, type FileSystem, SqliteError } from "@headwater/core";

/** Journals and temporary files stay in JavaScript memory up to here (design, "Committing"). */
export const MEMORY_BYTES_MAX: number = 1024 * 1024;
const FIRST_BYTES = 16 * 1024;
const WINDOW_BYTES = 256 * 1024;

/** Makes the temporary file that bytes beyond {@link MEMORY_BYTES_MAX} go to. It has no name any more when it is returned. */
export interface TempFiles {
  create(): FileHandle;
}

/**
 * Temporary files in one directory, which is made when the first is needed. Each is unlinked as soon as it is open, so
 * that nothing is left behind after a close or a kill.
 */
export function tempFilesIn(fs: FileSystem, dir: string, uniqueName: () => string): TempFiles {
  return {
    create() {
      const path = fs.join(dir, uniqueName());
      try {
        fs.mkdir(dir, 0o700);
        const handle = fs.open(path, "wx+", 0o600);
        fs.remove(path);
        return handle;
      } catch (error) {
        throw new SqliteError(
          "SQLITE_CANTOPEN",
          `can't create a temporary file for a journal or a sort; make the directory writable or name another (tempDir) dir=${dir}`,
          { cause: error },
        );
      }
    },
  };
}

/** A buffer that the last file left, for the next: a commit needs one each time. */
let spare: Uint8Array | undefined;

/**
 * The bytes of one file that nobody else sees: in memory while small, then in a temporary file behind a window of
 * memory that gathers SQLite's small sequential writes. Offsets and sizes in bytes. Never durable.
 */
export class PrivateBytes {
  readonly #temp: TempFiles;
  #size = 0;
  #memory: Uint8Array;
  #handle: FileHandle | undefined;
  #windowStart = 0;
  #windowBytes = 0;

  constructor(temp: TempFiles) {
    this.#temp = temp;
    this.#memory = spare ?? new Uint8Array(FIRST_BYTES);
    spare = undefined;
  }

  get size(): number {
    return this.#size;
  }

  /** True once the bytes are in a temporary file. */
  get spilled(): boolean {
    return this.#handle !== undefined;
  }

  /** Fills `into` from `offset`; what lies beyond the end is zeroed. Returns how many bytes there were. */
  read(into: Uint8Array, offset: number): number {
    const bytes = Math.max(0, Math.min(into.byteLength, this.#size - offset));
    if (bytes < into.byteLength) into.fill(0, bytes);
    if (bytes === 0) return 0;
    if (this.#handle === undefined) into.set(this.#memory.subarray(offset, offset + bytes));
    else this.#readSpilled(this.#handle, bytes === into.byteLength ? into : into.subarray(0, bytes), offset);
    return bytes;
  }

  #readSpilled(handle: FileHandle, into: Uint8Array, offset: number): void {
    if (offset < this.#windowStart + this.#windowBytes && offset + into.byteLength > this.#windowStart) this.#flush(handle);
    const got = handle.read(into, offset);
    // What was never written between two writes is a hole that reads as zeros; behind the last write on disk, too.
    if (got < into.byteLength) into.fill(0, got);
  }

  /** @throws the system's error, or {@link SqliteError}, when the temporary file can't be made or written. */
  write(data: Uint8Array, offset: number): void {
    const end = offset + data.byteLength;
    if (this.#handle === undefined && end > MEMORY_BYTES_MAX) this.#spill();
    if (this.#handle === undefined) this.#writeMemory(data, offset, end);
    else this.#writeSpilled(this.#handle, data, offset);
    if (end > this.#size) this.#size = end;
  }

  #writeMemory(data: Uint8Array, offset: number, end: number): void {
    if (end > this.#memory.byteLength) {
      const grown = new Uint8Array(Math.min(MEMORY_BYTES_MAX, Math.max(end, this.#memory.byteLength * 2)));
      grown.set(this.#memory.subarray(0, this.#size));
      this.#memory = grown;
    }
    // The buffer may hold what an earlier file left.
    if (offset > this.#size) this.#memory.fill(0, this.#size, offset);
    this.#memory.set(data, offset);
  }

  #spill(): void {
    const handle = this.#temp.create();
    try {
      handle.write(this.#memory.subarray(0, this.#size), 0);
    } catch (error) {
      handle.close();
      throw error;
    }
    this.#handle = handle;
    this.#memory = new Uint8Array(WINDOW_BYTES);
  }

  #writeSpilled(handle: FileHandle, data: Uint8Array, offset: number): void {
    const at = offset - this.#windowStart;
    if (at < 0 || at > this.#windowBytes || at + data.byteLength > WINDOW_BYTES) {
      this.#flush(handle);
      this.#windowStart = offset;
      if (data.byteLength > WINDOW_BYTES) {
        handle.write(data, offset);
        return;
      }
    }
    const start = offset - this.#windowStart;
    this.#memory.set(data, start);
    this.#windowBytes = Math.max(this.#windowBytes, start + data.byteLength);
  }

  #flush(handle: FileHandle): void {
    if (this.#windowBytes === 0) return;
    handle.write(this.#memory.subarray(0, this.#windowBytes), this.#windowStart);
    this.#windowStart += this.#windowBytes;
    this.#windowBytes = 0;
  }

  truncate(size: number): void {
    if (this.#handle !== undefined) {
      this.#flush(this.#handle);
      this.#handle.truncate(size);
    } else if (size > MEMORY_BYTES_MAX) {
      this.#spill();
    } else if (size > this.#size) {
      this.#writeMemory(new Uint8Array(0), size, size);
    }
    this.#size = size;
  }

  /** Gives the bytes up. Never throws. */
  close(): void {
    const handle = this.#handle;
    this.#size = 0;
    this.#handle = undefined;
    if (handle === undefined) spare ??= this.#memory;
    this.#memory = new Uint8Array(0);
    try {
      handle?.close();
    } catch {
      // The file has no name and nobody reads it again: there is nothing to tell.
    }
  }
}
