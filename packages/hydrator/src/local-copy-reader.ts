import type { FileHandle, FileSystem } from "@headwater/core";
import { COPY_USABLE, type SharedCopy, STATE_APPLIED, STATE_FLAGS } from "./shared-copy.js";

/**
 * A SQLite thread's side of a local copy: a descriptor of its own, and the shared bitmap.
 *
 * The caller must not ask for a page that changed between {@link appliedView} and its own view, nor for one above its
 * own commit: those it knows itself (design, "Hydration").
 */
export class LocalCopyReader {
  readonly #file: FileHandle;
  readonly #state: Int32Array;
  readonly #words: Int32Array; // no length given, so it follows the buffer as that grows
  readonly #pageSize: number;

  /** @throws the system's error where the file can't be opened. */
  static open(fs: FileSystem, shared: SharedCopy): LocalCopyReader {
    return new LocalCopyReader(fs.open(shared.path, "r"), shared);
  }

  private constructor(file: FileHandle, shared: SharedCopy) {
    this.#file = file;
    this.#state = new Int32Array(shared.state);
    this.#words = new Int32Array(shared.bitmap);
    this.#pageSize = shared.pageSize;
  }

  /**
   * Fills `into` with the bytes of a page from `offsetInPage`, or says that they are not here.
   *
   * @returns False when the page is not in the file. A read that fails or comes short means that someone else changed
   *   the file: then, too, it is false, and nobody uses the file again. What `into` holds after false means nothing.
   */
  read(pgno: number, into: Uint8Array, offsetInPage: number): boolean {
    if ((Atomics.load(this.#state, STATE_FLAGS) & COPY_USABLE) === 0) return false;
    const index = (pgno - 1) >>> 5;
    if (index >= this.#words.length) return false;
    if ((Atomics.load(this.#words, index) & (1 << ((pgno - 1) & 31))) === 0) return false;
    if (this.#fill(into, (pgno - 1) * this.#pageSize + offsetInPage)) return true;
    Atomics.and(this.#state, STATE_FLAGS, ~COPY_USABLE);
    return false;
  }

  #fill(into: Uint8Array, offset: number): boolean {
    try {
      return this.#file.read(into, offset) === into.byteLength;
    } catch {
      return false; // reported through the flag, which the I/O thread turns into an error
    }
  }

  /** The view that the file's pages belong to. Never goes back. */
  appliedView(): number {
    return Atomics.load(this.#state, STATE_APPLIED);
  }

  close(): void {
    this.#file.close();
  }
}
