import { HeadwaterError } from "@headwater/core";
import { Hydrator, LocalCopy, type SharedCopy, tooLargeToHydrate } from "@headwater/hydrator";
import type { RangeReader } from "@headwater/replica";
import type { EnginePorts, HydrationConfig } from "./config.js";
import type { DemandGate } from "./demand.js";
import type { Emit, HydrationReport } from "./events.js";
import type { SharedState } from "./shared-state.js";
import type { ViewTable } from "./views.js";

export interface HydrationParts {
  readonly config: HydrationConfig;
  readonly ports: EnginePorts;
  readonly reader: RangeReader;
  readonly gate: DemandGate;
  readonly shared: SharedState;
  readonly emit: Emit;
  readonly views: ViewTable;
}

/** Ties the hydrator to one database: starts it, feeds it what arrives, keeps it at the view that was adopted. */
export class Hydration {
  readonly #parts: HydrationParts;
  readonly #copy: LocalCopy;
  readonly #hydrator: Hydrator;
  /** The last run; it never rejects. */
  #run: Promise<void> | undefined;
  #filling = false;
  #failure: HeadwaterError | undefined;
  readonly #waiters: ((failure: HeadwaterError | undefined) => void)[] = [];
  #advancing: Promise<void> = Promise.resolve();
  readonly #own = new Map<number, () => Iterable<{ readonly pgno: number; readonly data: Uint8Array }>>();
  /** The newest view that the copy was told to go to. */
  #queued: number;
  #stopping = false;

  private constructor(parts: HydrationParts, copy: LocalCopy) {
    this.#parts = parts;
    this.#copy = copy;
    this.#queued = parts.views.newestId;
    const { config, views, reader, ports, gate } = parts;
    this.#hydrator = new Hydrator({
      copy,
      view: views.newest,
      viewId: views.newestId,
      reader,
      runtime: ports.runtime,
      gate: () => gate.whenIdle(),
      onProgress: () => this.#report(),
      replan: (seen, signal) => views.replanned(seen, signal),
      ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
      ...(config.maxBytesPerSecond === undefined ? {} : { maxBytesPerSecond: config.maxBytesPerSecond }),
    });
    this.#report();
  }

  /** Nothing, with a warning, when the local copy can't be made: reads then stay remote. */
  static create(parts: HydrationParts): Hydration | undefined {
    const { config, ports, views, emit } = parts;
    try {
      const view = views.newest;
      if (view.partlyIndexed !== undefined) throw tooLargeToHydrate(view.partlyIndexed);
      const copy = LocalCopy.create({
        fs: ports.fs,
        path: config.path,
        pageSize: view.pageSize,
        pages: view.commit,
        viewId: views.newestId,
      });
      return new Hydration(parts, copy);
    } catch (error) {
      emit(
        "warning",
        new HeadwaterError("HYDRATION_FAILED", `the local copy can't be made, reads stay remote; path=${config.path}`, { cause: error }),
      );
      return undefined;
    }
  }

  get shared(): SharedCopy {
    return this.#copy.shared;
  }

  autoStart(): void {
    if (this.#parts.config.start === "open") this.start();
  }

  /** Starts, or tries again after a failure. Does nothing while it runs or when it is complete. */
  start(): void {
    if (this.#filling || this.#hydrator.status.state === "complete") return;
    this.#filling = true;
    this.#failure = undefined;
    this.#run = this.#hydrator.start().then(
      () => this.#ended(undefined),
      (error: unknown) => this.#ended(hydrationFailed(error)),
    );
  }

  #ended(failure: HeadwaterError | undefined): void {
    this.#filling = false;
    this.#failure = failure;
    this.#report();
    if (failure !== undefined && !this.#stopping) this.#parts.emit("warning", failure);
    for (const waiter of this.#waiters.splice(0)) waiter(failure);
  }

  /** Resolves when the copy is complete; waits for the start where that is by hand. @throws {HeadwaterError} `HYDRATION_FAILED` with its cause. */
  completed(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#hydrator.status.state === "complete") return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push((failure) => (failure === undefined ? resolve() : reject(failure)));
    });
  }

  /** Pages of a demand read go into the copy too. */
  pagesArrived(viewId: number, pages: ReadonlyMap<number, Uint8Array>): void {
    for (const [pgno, data] of pages) this.#hydrator.pageArrived(viewId, pgno, data);
  }

  /** An own sync whose pages the copy takes over as soon as the connection has adopted its view. */
  ownSync(viewId: number, pages: () => Iterable<{ readonly pgno: number; readonly data: Uint8Array }>): void {
    this.#own.set(viewId, pages);
  }

  /** Every connection reads `viewId` or later: the copy may follow. */
  adopted(viewId: number): void {
    for (const [id, pages] of [...this.#own]) {
      if (id > viewId) continue;
      this.#own.delete(id);
      this.#advance(id, pages());
    }
    if (viewId > this.#queued) this.#advance(viewId, []);
  }

  #advance(viewId: number, pages: Iterable<{ readonly pgno: number; readonly data: Uint8Array }>): void {
    const view = this.#parts.views.get(viewId);
    this.#queued = viewId;
    this.#advancing = this.#advancing
      .then(() => this.#hydrator.advance(viewId, view, pages))
      .then(
        () => this.#catchUp(),
        (error: unknown) => this.#parts.emit("warning", hydrationFailed(error)),
      );
  }

  /** Pages that changed elsewhere are fetched again: that run is watched like the first one. */
  #catchUp(): void {
    this.#report();
    if (!this.#stopping && this.#hydrator.status.state === "running") this.start();
  }

  #report(): void {
    const { shared, emit } = this.#parts;
    const status = this.#hydrator.status;
    shared.hydrationState = status.state;
    shared.setStatistic("hydrationPages", status.pages);
    shared.setStatistic("hydrationPageCount", status.pageCount);
    shared.setStatistic("hydrationBytes", status.bytes);
    shared.setStatistic("hydrationRate", status.bytesPerSecond);
    shared.setStatistic("hydrationSecondsLeft", status.secondsLeft ?? Number.NaN);
    const report: HydrationReport = { ...status, path: this.#copy.shared.path };
    emit("hydration", report);
  }

  /** Stops, and removes the file. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#hydrator.stop();
    await this.#run;
    await this.#advancing;
    this.#copy.close({ remove: true });
  }
}

function hydrationFailed(error: unknown): HeadwaterError {
  if (HeadwaterError.is(error) && error.code === "HYDRATION_FAILED") return error;
  return new HeadwaterError("HYDRATION_FAILED", "hydration stopped, reads stay remote; hydrate() tries again", { cause: error });
}
