import { HeadwaterError, type Runtime } from "@headwater/core";
import type { RangeReader, View } from "@headwater/replica";
import { type Advanced, CopyView, type PageData } from "./copy-view.js";
import { CorruptFileFound, Download } from "./download.js";
import { hydrationFailed, isSystemError, outcomeOf } from "./errors.js";
import type { LocalCopy } from "./local-copy.js";
import { type HydrationStatus, Progress } from "./progress.js";

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
  /**
   * Asked when a planned file vanished: the same state (TXID) from the files that are there now. With it, a vanished file
   * ends a run only when that does not help, and a run that ended so is taken up again by the next {@link Hydrator.advance}.
   */
  readonly replan?: (view: View, signal: AbortSignal) => Promise<View>;
}

export const CONCURRENCY_DEFAULT = 4;
/** So many new plans in a row without a page more. */
const REPLANS_MAX = 3;

/** Fills a {@link LocalCopy} in the background, and keeps it at the view that its connections have. */
export class Hydrator {
  readonly #options: HydratorOptions;
  readonly #copy: LocalCopy;
  readonly #current: CopyView;
  readonly #progress: Progress;
  readonly #download: Download;
  #run: { readonly promise: Promise<void>; readonly controller: AbortController } | undefined;
  #failure: HeadwaterError | undefined;
  /** The last run ended because no plan helped; the next view may. */
  #awaitsView = false;

  constructor(options: HydratorOptions) {
    const { copy, view, viewId, reader, runtime } = options;
    this.#options = options;
    this.#copy = copy;
    const current = new CopyView(copy, view, viewId, runtime, (error) => this.#diskFailed(error));
    this.#current = current;
    const counts = (): { pages: number; pageCount: number } => ({ pages: copy.pages, pageCount: copy.pageCount });
    this.#progress = new Progress(runtime.clock, counts, options.onProgress ?? (() => undefined));
    this.#download = new Download({
      reader,
      runtime,
      target: current,
      concurrency: options.concurrency ?? CONCURRENCY_DEFAULT,
      maxBytesPerSecond: options.maxBytesPerSecond,
      gate: options.gate ?? (() => Promise.resolve()),
      progress: this.#progress,
      settled: () => current.settled(),
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
   * @throws {HeadwaterError} `REPLICA_FILE_GONE` when the plan is old and there is no `replan` option: give a new one to
   *   {@link replan} and start again; `HYDRATION_FAILED` with its cause (`LTX_CORRUPT` naming the key, the disk's error,
   *   ...); `ABORTED` after {@link stop}. What is in the copy stays usable in each case.
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
    if (this.#current.pageArrived(viewId, pgno, data)) this.#progress.moved();
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
  async advance(viewId: number, view: View, pages: Iterable<PageData>): Promise<void> {
    let failure: Advanced["failure"];
    await this.#current.advance(viewId, view, pages, (advanced) => {
      failure = advanced.failure;
      this.#follow(advanced);
    });
    if (failure !== undefined) throw failure.error;
  }

  /**
   * The same state of the database from other files, after some of the old ones vanished. Pages that are there stay;
   * those from a file that was being read whole, and that was not verified yet, are fetched again.
   *
   * @throws {RangeError} unless it is the state of the newest view.
   */
  async replan(view: View): Promise<void> {
    await this.#current.replan(view, () => this.#download.abandonUnverified());
    this.#download.replan();
  }

  /** Ends the run that is under way, and waits for it. {@link start} goes on where it was. */
  async stop(): Promise<void> {
    this.#awaitsView = false;
    const run = this.#run;
    run?.controller.abort();
    await run?.promise.catch(() => undefined); // who started it gets the error
    await this.#current.settled();
  }

  #begin(): Promise<void> {
    const controller = new AbortController();
    this.#failure = undefined;
    this.#awaitsView = false;
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
      await this.#current.settled();
      this.#current.retryDisk();
      let replans = 0;
      for (let pages = this.#copy.pages; ; pages = this.#copy.pages) {
        try {
          await this.#fetchAll(signal);
          break;
        } catch (error) {
          if (this.#copy.pages > pages) replans = 0;
          replans += 1;
          if (!isGone(error) || this.#options.replan === undefined || replans > REPLANS_MAX) throw error;
          await this.#planAnew(this.#options.replan, signal);
        }
      }
      this.#checkComplete();
      this.#copy.setOutcome("complete");
      this.#progress.enter("complete");
    } catch (error) {
      throw await this.#ended(error, signal);
    }
  }

  async #fetchAll(signal: AbortSignal): Promise<void> {
    do {
      await this.#download.run(signal);
      await this.#current.settled();
      if (this.#current.diskError !== undefined) throw this.#current.diskError;
      if (signal.aborted) throw stopped();
    } while (!this.#download.idle);
  }

  /** Replaces the plan, unless the view has changed meanwhile: then its own is to be tried first. */
  async #planAnew(replan: NonNullable<HydratorOptions["replan"]>, signal: AbortSignal): Promise<void> {
    const seen = this.#current.view;
    const view = await replan(seen, signal);
    await this.#current.replan(
      view,
      () => this.#download.abandonUnverified(),
      () => this.#current.view !== seen,
    );
    this.#download.replan();
  }

  #checkComplete(): void {
    const copy = this.#copy;
    if (!copy.usable || copy.fileBytes() !== copy.pageCount * copy.pageSize) throw damaged(copy);
    if (copy.pages !== copy.pageCount)
      throw hydrationFailed(copy.path, `pages are missing at the end, which is a bug; pages=${copy.pages} page_count=${copy.pageCount}`);
  }

  /** Sorts out why a run ended, and takes back the pages of a corrupt file. */
  async #ended(error: unknown, signal: AbortSignal): Promise<HeadwaterError> {
    let cause = error;
    if (error instanceof CorruptFileFound) {
      this.#download.abandonUnverified(error.file);
      await this.#current.giveUp(error.file);
      cause = error.cause;
    }
    if (isSystemError(cause)) this.#current.diskFailed(cause);
    const { diskError } = this.#current;
    const failure = diskError === undefined && signal.aborted ? stopped() : outcomeOf(this.#copy.path, diskError ?? cause);
    this.#awaitsView = this.#options.replan !== undefined && diskError === undefined && isGone(cause);
    if (failure.code === "ABORTED" || failure.code === "REPLICA_FILE_GONE") {
      this.#failure = failure;
      this.#progress.enter("waiting");
    } else this.#failed(failure);
    return failure;
  }

  #diskFailed(error: unknown): void {
    // A run finds out by itself, and sooner this way.
    if (this.#run !== undefined) this.#run.controller.abort();
    else this.#failed(outcomeOf(this.#copy.path, error));
  }

  #failed(failure: HeadwaterError): void {
    this.#failure = failure;
    this.#copy.setOutcome("failed");
    this.#progress.enter("failed");
  }

  /** Goes on fetching after a change of view, where that is what hydration was doing. */
  #follow({ missing, related }: Advanced): void {
    const { state } = this.#progress;
    const resumes = this.#awaitsView && this.#run === undefined;
    if (state !== "running" && state !== "complete" && !resumes) return; // the next start looks at everything
    if (state === "complete" && !this.#copy.usable) {
      this.#failed(damaged(this.#copy));
      return;
    }
    if (related && !resumes) this.#download.want(missing);
    else this.#download.replan();
    if (resumes || (state === "complete" && missing.length > 0)) void this.#begin();
  }
}

function stopped(): HeadwaterError {
  return new HeadwaterError("ABORTED", "hydration was stopped");
}

/** A planned file is not there, or there is no plan for that state any more. */
function isGone(error: unknown): boolean {
  return HeadwaterError.is(error) && ["REPLICA_FILE_GONE", "REPLICA_GAP", "OUT_OF_RANGE"].includes(error.code);
}

function damaged(copy: LocalCopy): HeadwaterError {
  return hydrationFailed(copy.path, `another program changed the file; close and open the database again; size=${copy.fileBytes()}`);
}
