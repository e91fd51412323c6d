import type { Runtime } from "@headwater/core";
import { type ReplicaFile, sameFile, type View } from "@headwater/replica";
import { changesBetween } from "./changes.js";
import type { LocalCopy } from "./local-copy.js";
import { slicesOf } from "./pace.js";

/** A page with its content. */
export interface PageData {
  readonly pgno: number;
  readonly data: Uint8Array;
}

/** What a change of view left to be done. */
export interface Advanced {
  /** Pages that changed and whose content was not given. */
  readonly missing: readonly number[];
  /** False when the new view's files have nothing to do with those of the old one: plans are void. */
  readonly related: boolean;
  /** What reading the given pages threw. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** How many views of the same state are remembered as what a newer one may come from. */
const EQUALS_MAX = 4;

/**
 * A copy together with the view that its set bits belong to. All that moves a copy from one view to the next is here;
 * such changes are made one after the other, in slices.
 */
export class CopyView {
  readonly copy: LocalCopy;
  readonly #runtime: Runtime;
  readonly #onDiskError: (error: unknown) => void;
  /** The first is the current one; the others say the same with other files, and newer views may come from them. */
  #views: readonly [View, ...View[]];
  #viewId: number;
  #diskError: unknown;
  #changing: Promise<void> | undefined;

  /** @param onDiskError - Told of the first write that fails. From then on bits are only cleared. */
  constructor(copy: LocalCopy, view: View, viewId: number, runtime: Runtime, onDiskError: (error: unknown) => void) {
    if (copy.pageSize !== view.pageSize || copy.pageCount !== view.commit || copy.applied !== viewId)
      throw new RangeError(
        `the copy is not of this view: page_size=${copy.pageSize} pages=${copy.pageCount} commit=${view.commit} view=${viewId}`,
      );
    this.copy = copy;
    this.#views = [view];
    this.#viewId = viewId;
    this.#runtime = runtime;
    this.#onDiskError = onDiskError;
  }

  /** While a change is under way, what it changes to. */
  get view(): View {
    return this.#views[0];
  }

  /** Why nothing is written any more. */
  get diskError(): unknown {
    return this.#diskError;
  }

  diskFailed(error: unknown): void {
    if (this.#diskError !== undefined) return;
    this.#diskError = error;
    this.#onDiskError(error);
  }

  /** Writes again. @throws the system's error when the file can't be given its size. */
  retryDisk(): void {
    this.#diskError = undefined;
    this.copy.restoreSize();
  }

  /** True when the page was written: it was missing, and its view is the current one. */
  pageArrived(viewId: number, pgno: number, data: Uint8Array): boolean {
    const copy = this.copy;
    const fits = viewId === this.#viewId && pgno >= 1 && pgno <= Math.min(copy.pageCount, this.view.commit);
    if (!fits || data.byteLength !== copy.pageSize || copy.has(pgno) || !copy.usable) return false;
    this.#write(() => copy.writePage(pgno, data));
    return copy.has(pgno);
  }

  /** Resolves once no change is under way. */
  async settled(): Promise<void> {
    while (this.#changing !== undefined) await this.#changing;
  }

  /** See {@link Hydrator.advance}. `then` runs as part of the change, once the view is applied. */
  advance(viewId: number, view: View, pages: Iterable<PageData>, then: (advanced: Advanced) => void): Promise<void> {
    return this.#change(async () => {
      if (view.pageSize !== this.copy.pageSize) throw new RangeError(`another page size: ${view.pageSize}`);
      const older = this.#views;
      this.#views = [view];
      this.#viewId = viewId;
      const { pgnos, related } = await changesBetween(older, view, this.#runtime);
      await this.#clear(pgnos);
      this.#resize(view.commit);
      // From here on every set bit is right at the new view, whatever becomes of the pages.
      const failure = await this.#writePages(pages).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      const missing = await this.#missingOf(pgnos);
      this.copy.setApplied(viewId);
      then({ missing, related, failure });
    });
  }

  /**
   * The same state from other files. `unless` is asked first, as part of the change.
   *
   * @param unverified - Pages in these files may be wrong, and are given up.
   */
  replan(view: View, unverified: () => readonly ReplicaFile[], unless: () => boolean = () => false): Promise<void> {
    return this.#change(async () => {
      if (unless()) return;
      const { txid, commit, pageSize } = this.view;
      if (view.txid !== txid || view.commit !== commit || view.pageSize !== pageSize)
        throw new RangeError(`not the same state: txid=${view.txid} commit=${view.commit} expected=${txid}:${commit}`);
      for (const file of unverified()) await this.#clearFile(file);
      this.#views = [view, ...this.#views.slice(0, EQUALS_MAX - 1)];
    });
  }

  /** Takes the pages of a corrupt file back. */
  giveUp(file: ReplicaFile): Promise<void> {
    return this.#change(() => this.#clearFile(file));
  }

  async #clear(pgnos: Uint32Array): Promise<void> {
    const slices = slicesOf(this.#runtime);
    for (const pgno of pgnos) {
      this.copy.clear(pgno);
      if (slices.spent(1)) await slices.turn();
    }
  }

  async #clearFile(file: ReplicaFile): Promise<void> {
    const slices = slicesOf(this.#runtime);
    for (let pgno = 1; pgno <= this.view.commit; pgno += 1) {
      if (this.copy.has(pgno) && mayBeOf(this.view, pgno, file)) this.copy.clear(pgno);
      if (slices.spent(1)) await slices.turn();
    }
  }

  /** Also when the disk has failed: the bits must be right. */
  #resize(commit: number): void {
    try {
      this.copy.resize(commit);
    } catch (error) {
      this.diskFailed(error);
    }
  }

  async #writePages(pages: Iterable<PageData>): Promise<void> {
    const slices = slicesOf(this.#runtime);
    for (const { pgno, data } of pages) {
      if (pgno <= this.view.commit) this.#write(() => this.copy.writePage(pgno, data));
      if (slices.spent(1)) await slices.turn();
    }
  }

  /** Of the changed pages, those that have to be fetched. Those that no file holds are written here. */
  async #missingOf(changes: Uint32Array): Promise<number[]> {
    const slices = slicesOf(this.#runtime);
    const missing: number[] = [];
    for (const pgno of changes) {
      if (pgno <= this.view.commit && !this.copy.has(pgno)) {
        if (this.view.knows(pgno) && this.view.lookup(pgno) === undefined) this.#write(() => this.copy.writeZeros(pgno));
        else missing.push(pgno);
      }
      if (slices.spent(1)) await slices.turn();
    }
    return missing;
  }

  /** Does it unless the disk has failed, and notes it if it fails now. */
  #write(write: () => void): void {
    if (this.#diskError !== undefined) return;
    try {
      write();
    } catch (error) {
      this.diskFailed(error);
    }
  }

  #change(work: () => Promise<void>): Promise<void> {
    const done = (this.#changing ?? Promise.resolve()).then(work);
    const settled = done.then(
      () => undefined,
      () => undefined, // the caller has it
    );
    this.#changing = settled;
    void settled.then(() => {
      if (this.#changing === settled) this.#changing = undefined;
    });
    return done;
  }
}

/** True for pages of the file; also for those of which that can't be told without fetching. */
function mayBeOf(view: View, pgno: number, file: ReplicaFile): boolean {
  if (!view.knows(pgno)) return true;
  const frame = view.lookup(pgno);
  return frame !== undefined && sameFile(frame.file, file);
}
