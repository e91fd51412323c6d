import { HeadwaterError, type Runtime } from "@headwater/core";
import { type RangeReader, type ReplicaFile, sameFile, type View } from "@headwater/replica";
import { changesBetween } from "./changes.js";
import { CorruptFileFound, Download } from "./download.js";
import { hydrationFailed, isSystemError, outcomeOf } from "./errors.js";
import type { LocalCopy } from "./local-copy.js";
import { type HydrationStatus, Progress } from "./progress.js";
import { Slices } from "./slices.js";

export interface HydratorOptions {
  readonly copy: LocalCopy;
  /** The view that the copy begins with: `copy.applied` is its number, and its commit the copy's size. */
  readonly view: View;
  readonly viewId: number;
  readonly reader: RangeReader;
  readonly runtime: Runtime;
  /** Ranges of 8 MiB under way or at hand; small ones may be four times as many. 4 by default. */
  readonly concurrency?: number;
  readonly maxBytesPerSecond?: number;
  /** At most ten times a second, and at each change of state. Must not throw. */
  readonly onProgress?: (status: HydrationStatus) => void;
  /** Resolves while no demand read is under way: those come first. */
  readonly gate?: () => Promise<void>;
}

export const CONCURRENCY_DEFAULT = 4;

/** A page with its content. */
export interface PageData {
  readonly pgno: number;
  readonly data: Uint8Array;
}

/** Fills a {@link LocalCopy} in the background, and keeps it at the view that its connections have. */
export class Hydrator {
  readonly #copy: LocalCopy;
  readonly #runtime: Runtime;
  readonly #progress: Progress;
  readonly #download: Download;
  #view: View;
  #viewId: number;
  #run: { readonly promise: Promise<void>; readonly controller: AbortController } | undefined;
  #failure: HeadwaterError | undefined;
  /** Set while the disk refuses writes: bits are only cleared then. */
  #diskError: unknown;
  /** Changes of view, one after the other. */
  #changing: Promise<void> | undefined;

  constructor(options: HydratorOptions) {
    const { copy, view, viewId, reader, runtime } = options;
    if (copy.pageSize !== view.pageSize || copy.pageCount !== view.commit || copy.applied !== viewId)
      throw new RangeError(
        `the copy is not of this view: page_size=${copy.pageSize} pages=${copy.pageCount} commit=${view.commit} view=${viewId}`,
      );
    this.#copy = copy;
    this.#runtime = runtime;
    this.#view = view;
    this.#viewId = viewId;
    const counts = (): { pages: number; pageCount: number } => ({ pages: copy.pages, pageCount: copy.pageCount });
    this.#progress = new Progress(runtime.clock, counts, options.onProgress ?? (() => undefined));
    const current = (): View => this.#view;
    this.#download = new Download({
      reader,
      runtime,
      target: {
        copy,
        get view() {
          return current();
        },
      },
      concurrency: options.concurrency ?? CONCURRENCY_DEFAULT,
      maxBytesPerSecond: options.maxBytesPerSecond,
      gate: options.gate ?? (() => Promise.resolve()),
      progress: this.#progress,
      settled: () => this.#settled(),
    });
  }

  get status(): HydrationStatus {
    return this.#progress.status;
  }

  /** Why the last run ended early. Undefined while running and when complete. */
  get failure(): HeadwaterError | undefined {
    return this.#failure;
  }

  /**
   * Starts, or joins the run that is under way; after a failure it tries again with what is missing.
   *
   * @returns Resolves when the copy is complete and what was read whole is verified.
   * @throws {HeadwaterError} `REPLICA_FILE_GONE` when the plan is old: give a new one to {@link replan} and start again;
   *   `HYDRATION_FAILED` with its cause (`LTX_CORRUPT` naming the key, the disk's error, ...); `ABORTED` after
   *   {@link stop}. What is in the copy stays usable in each case.
   */
  start(): Promise<void> {
    if (this.#run !== undefined) return this.#run.promise;
    if (this.#progress.state === "complete") return Promise.resolve();
    this.#download.replan();
    return this.#begin();
  }

  /**
   * A page that someone read: it is written too, and not fetched again. Pages of any other view than the newest are
   * left out. Never throws: a disk that fails ends the run.
   */
  pageArrived(viewId: number, pgno: number, data: Uint8Array): void {
    const copy = this.#copy;
    const fits =
      viewId === this.#viewId && pgno >= 1 && pgno <= Math.min(copy.pageCount, this.#view.commit) && data.byteLength === copy.pageSize;
    if (!fits || copy.has(pgno) || !copy.usable || this.#diskError !== undefined) return;
    try {
      copy.writePage(pgno, data);
      this.#progress.moved();
    } catch (error) {
      this.#diskFailed(error);
    }
  }

  /**
   * Moves the copy on to a newer view. To be called once every connection has adopted at least that view: none of them
   * reads a changed page from the file before the copy says that it has it.
   *
   * @param pages - Changed pages whose content is at hand. Other changed pages lose their bit, and are fetched when
   *   hydration runs or was complete.
   * @returns Resolves when the copy's applied view is `viewId`. A disk that fails does not reject it: it ends
   *   the run, and the bits stay right. Nor does an error of `pages` keep the view from being applied; it is thrown after that.
   */
  advance(viewId: number, view: View, pages: Iterable<PageData>): Promise<void> {
    return this.#change(async () => {
      if (view.pageSize !== this.#copy.pageSize) throw new RangeError(`another page size: ${view.pageSize}`);
      const older = this.#view;
      this.#view = view;
      this.#viewId = viewId;
      const { pgnos, related } = await changesBetween(older, view, this.#runtime);
      if (!related) this.#download.replan();
      await this.#clear(pgnos);
      this.#resize(view.commit);
      // From here on every set bit is right at the new view, whatever becomes of the pages.
      const failure = await this.#write(pages).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      const missing = await this.#missingOf(pgnos);
      this.#copy.setApplied(viewId);
      this.#follow(missing);
      if (failure !== undefined) throw failure.error;
    });
  }

  /**
   * The same state of the database from other files, after some of the old ones vanished. Pages that are there stay;
   * those from a file that was being read whole, and that was not verified yet, are fetched again.
   */
  replan(view: View): Promise<void> {
    return this.#change(async () => {
      const older = this.#view;
      if (view.txid !== older.txid || view.commit !== older.commit || view.pageSize !== older.pageSize)
        throw new RangeError(`not the same state: txid=${view.txid} commit=${view.commit} expected=${older.txid}:${older.commit}`);
      for (const file of this.#download.abandonUnverified()) await this.#clearFile(file, older);
      this.#view = view;
      this.#download.replan();
    });
  }

  /** Ends the run that is under way, and waits for it. {@link start} goes on where it was. */
  async stop(): Promise<void> {
    const run = this.#run;
    run?.controller.abort();
    await run?.promise.catch(() => undefined); // who started it gets the error
    await this.#settled();
  }

  #begin(): Promise<void> {
    const controller = new AbortController();
    this.#failure = undefined;
    this.#diskError = undefined;
    this.#copy.setOutcome("open");
    const promise = this.#fill(controller.signal).finally(() => {
      this.#run = undefined;
    });
    this.#run = { promise, controller };
    promise.catch(() => undefined); // a run that an advance began has no one else waiting
    this.#progress.enter("running");
    return promise;
  }

  async #fill(signal: AbortSignal): Promise<void> {
    try {
      await this.#settled();
      this.#copy.restoreSize();
      for (let again = true; again; ) {
        await this.#download.run(signal);
        await this.#settled();
        if (this.#diskError !== undefined) throw this.#diskError;
        if (signal.aborted) throw stopped();
        again = !this.#download.idle;
      }
      this.#checkComplete();
      this.#copy.setOutcome("complete");
      this.#progress.enter("complete");
    } catch (error) {
      throw await this.#ended(error, signal);
    }
  }

  #checkComplete(): void {
    const copy = this.#copy;
    if (!copy.usable || copy.fileBytes() !== copy.pageCount * copy.pageSize) throw damaged(copy);
    if (copy.pages !== copy.pageCount)
      throw hydrationFailed(copy.path, `pages are missing at the end, which is a bug; pages=${copy.pages} page_count=${copy.pageCount}`);
  }

  /** Sorts out why a run ended, and takes back the pages of a corrupt file. */
  async #ended(error: unknown, signal: AbortSignal): Promise<HeadwaterError> {
    if (error instanceof CorruptFileFound) {
      this.#download.abandonUnverified(error.file);
      await this.#change(() => this.#clearFile(error.file, this.#view));
    }
    if (isSystemError(error)) this.#diskError ??= error;
    const failure =
      this.#diskError === undefined && signal.aborted ? stopped() : outcomeOf(this.#copy.path, this.#diskError ?? unwrap(error));
    const isOver = failure.code !== "ABORTED" && failure.code !== "REPLICA_FILE_GONE";
    this.#failure = failure;
    this.#copy.setOutcome(isOver ? "failed" : "open");
    this.#progress.enter(isOver ? "failed" : "waiting");
    return failure;
  }

  /** The disk failed outside of a run's own writes. Nothing more is written until it is started again. */
  #diskFailed(error: unknown): void {
    this.#diskError ??= error;
    if (this.#run !== undefined) {
      this.#run.controller.abort();
      return;
    }
    this.#failed(outcomeOf(this.#copy.path, error));
  }

  #failed(failure: HeadwaterError): void {
    this.#failure = failure;
    this.#copy.setOutcome("failed");
    this.#progress.enter("failed");
  }

  async #clear(pgnos: Uint32Array): Promise<void> {
    const slices = new Slices(this.#runtime);
    for (const pgno of pgnos) {
      this.#copy.clear(pgno);
      if (slices.due()) await slices.turn();
    }
  }

  async #clearFile(file: ReplicaFile, view: View): Promise<void> {
    const slices = new Slices(this.#runtime);
    for (let pgno = 1; pgno <= view.commit; pgno += 1) {
      const frame = this.#copy.has(pgno) ? view.lookup(pgno) : undefined;
      if (frame !== undefined && sameFile(frame.file, file)) this.#copy.clear(pgno);
      if (slices.due()) await slices.turn();
    }
  }

  #resize(commit: number): void {
    try {
      this.#copy.resize(commit); // also when the disk has failed: the bits must be right
    } catch (error) {
      this.#diskFailed(error);
    }
  }

  async #write(pages: Iterable<PageData>): Promise<void> {
    const slices = new Slices(this.#runtime);
    for (const { pgno, data } of pages) {
      if (pgno <= this.#view.commit) this.#onDisk(() => this.#copy.writePage(pgno, data));
      if (slices.due()) await slices.turn();
    }
  }

  /** Of the changed pages, those that have to be fetched. Those that no file holds are written here. */
  async #missingOf(changes: Uint32Array): Promise<number[]> {
    const slices = new Slices(this.#runtime);
    const missing: number[] = [];
    for (const pgno of changes) {
      if (pgno <= this.#view.commit && !this.#copy.has(pgno)) {
        if (this.#view.lookup(pgno) === undefined) this.#onDisk(() => this.#copy.writeZeros(pgno));
        else missing.push(pgno);
      }
      if (slices.due()) await slices.turn();
    }
    return missing;
  }

  /** Goes on fetching after a change of view, where that is what hydration was doing. */
  #follow(missing: readonly number[]): void {
    const { state } = this.#progress;
    if (state !== "running" && state !== "complete") return; // the next start looks at everything
    if (state === "complete" && !this.#copy.usable) {
      this.#failed(damaged(this.#copy));
      return;
    }
    this.#download.want(missing);
    if (state === "complete" && missing.length > 0) void this.#begin();
  }

  /** Does it unless the disk has failed, and notes it if it fails now. */
  #onDisk(write: () => void): void {
    if (this.#diskError !== undefined) return;
    try {
      write();
    } catch (error) {
      this.#diskFailed(error);
    }
  }

  #change(work: () => Promise<void>): Promise<void> {
    const before = this.#changing ?? Promise.resolve();
    const done = before.then(work);
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

  async #settled(): Promise<void> {
    while (this.#changing !== undefined) await this.#changing;
  }
}

function stopped(): HeadwaterError {
  return new HeadwaterError("ABORTED", "hydration was stopped");
}

function unwrap(error: unknown): unknown {
  return error instanceof CorruptFileFound ? error.cause : error;
}

function damaged(copy: LocalCopy): HeadwaterError {
  return hydrationFailed(copy.path, `another program changed the file; close and open the database again; size=${copy.fileBytes()}`);
}
