import { dropAbove } from "./drop-above.js";
import type { Salt } from "./record.js";

/** Enough of page 1 for everything that a commit looks at. */
const PAGE_ONE_BYTES = 100;

/** The open transaction: which of its frames count, and the sizes that the database went through. */
export class Overlay {
  /** Offsets of the frames that count. */
  readonly pages: Map<number, number> = new Map<number, number>();
  readonly salt: Salt;
  /** Frames appended, those that do not count included. */
  frames = 0;
  /** What the completed record says; `undefined` before FCNTL_SYNC. */
  mark: { readonly commit: number; readonly minSizePages: number; readonly pages: number } | undefined;
  #sizePages: number;
  #minSizePages: number;
  #pageOne: Uint8Array | undefined;

  constructor(sizePages: number, salt: Salt) {
    this.#sizePages = sizePages;
    this.#minSizePages = sizePages;
    this.salt = salt;
  }

  get sizePages(): number {
    return this.#sizePages;
  }

  /** Smallest size since the begin, that one included. What lies above and was not written since reads as zeros. */
  get minSizePages(): number {
    return this.#minSizePages;
  }

  /** The first bytes of page 1 as last written here. */
  get pageOne(): Uint8Array | undefined {
    return this.#pageOne;
  }

  write(pgno: number, page: Uint8Array, address: number): void {
    this.frames += 1;
    this.pages.set(pgno, address);
    if (pgno === 1) this.#pageOne = page.slice(0, PAGE_ONE_BYTES);
    this.extend(pgno);
  }

  /** The file reaches at least so far. */
  extend(sizePages: number): void {
    this.#sizePages = Math.max(this.#sizePages, sizePages);
  }

  truncate(sizePages: number): void {
    dropAbove(this.pages, sizePages, this.#sizePages);
    this.#sizePages = sizePages;
    this.#minSizePages = Math.min(this.#minSizePages, sizePages);
    if (sizePages === 0) this.#pageOne = undefined;
  }
}
