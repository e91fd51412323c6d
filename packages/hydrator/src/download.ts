import { HeadwaterError, inTurns } from "@headwater/core";
import { type ReplicaFile, sameFile } from "@headwater/replica";
import { ByteBudget } from "./byte-budget.js";
import { hydrationFailed, namingKey, tooLargeToHydrate } from "./errors.js";
import { Fetcher, type FetcherOptions } from "./fetcher.js";
import { slicesOf } from "./pace.js";
import { PageWriter } from "./page-writer.js";
import { cutIntoParts, groupByFile, mannerOf, SMALL_FILE_BYTES_MAX, type Wanted } from "./planner.js";
import type { Progress } from "./progress.js";
import { PartTask, type RangeTask, type Target, VerifiedTask, WholeTask } from "./range-task.js";
import { VerifiedFile } from "./verified-file.js";

export interface DownloadOptions extends Omit<FetcherOptions, "onBytes"> {
  /** The copy, and the view that its pages are to belong to, as of now. */
  readonly target: Omit<Target, "writer">;
  readonly concurrency: number;
  readonly progress: Progress;
  /** Resolves once no change of view is half done. */
  readonly settled: () => Promise<void>;
}

/** Large ranges are this long. */
export const RANGE_BYTES_MAX: number = 8 * 1024 * 1024;
const RANGE_BYTES_MIN = 256 * 1024;
/** Small ranges may be so many times as many as large ones. */
const LANES_PER_RANGE = 4;

/**
 * Fetches what is missing of a copy. Outlives a run, so that one which was stopped goes on where it was.
 *
 * Memory: `concurrency` ranges of {@link RANGE_BYTES_MAX}, fetched or being fetched, the writer's buffer, and 16 bytes
 * for each frame of a large file that is being read whole.
 */
export class Download {
  readonly #options: DownloadOptions;
  readonly #fetcher: Fetcher;
  readonly #budget: ByteBudget;
  readonly #rangeBytes: number;
  readonly #target: Target;
  /** Everything has to be looked at. Otherwise only {@link #wanted}. */
  #rescan = true;
  #wanted: number[] = [];
  #queue: RangeTask[] = [];
  #planning: Promise<void> | undefined;
  /** Files that are being read whole and are not verified yet. */
  #open: VerifiedFile[] = [];
  /** The oldest file was read whole and verified once. */
  #baseVerified = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    const { concurrency, maxBytesPerSecond, progress, target } = options;
    this.#budget = new ByteBudget(concurrency * RANGE_BYTES_MAX);
    this.#rangeBytes = Math.min(RANGE_BYTES_MAX, Math.max(RANGE_BYTES_MIN, maxBytesPerSecond ?? RANGE_BYTES_MAX));
    this.#fetcher = new Fetcher({ ...options, onBytes: (bytes) => progress.fetched(bytes) });
    const writer = new PageWriter(target.copy);
    this.#target = {
      copy: target.copy,
      writer,
      get view() {
        return target.view;
      },
    };
  }

  /** Pages that changed and are not there. */
  want(pgnos: readonly number[]): void {
    for (const pgno of pgnos) this.#wanted.push(pgno);
  }

  /** The plan is void: look at everything again. */
  replan(): void {
    this.#rescan = true;
    this.#queue = [];
    this.#options.progress.unplanned();
  }

  get idle(): boolean {
    return !this.#rescan && this.#wanted.length === 0;
  }

  /**
   * Forgets the files that were read in part and are not verified yet, or just that one: reading them starts over.
   *
   * @returns Those files. Their pages may be wrong.
   */
  abandonUnverified(only?: ReplicaFile): readonly ReplicaFile[] {
    const isMeant = ({ file }: VerifiedFile): boolean => only === undefined || sameFile(file, only);
    const files = this.#open.filter(isMeant).map((whole) => whole.file);
    this.#open = this.#open.filter((whole) => !isMeant(whole));
    return files;
  }

  /** Fetches until nothing is missing. The first failure ends all, and is awaited with what is under way. */
  async run(signal: AbortSignal): Promise<void> {
    // A signal of its own for each lane: many listeners on one make Node suspect a leak.
    const lanes = Array.from({ length: this.#options.concurrency * LANES_PER_RANGE }, () => new AbortController());
    const abort = (): void => {
      for (const controller of lanes) controller.abort();
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    let failure: { readonly error: unknown } | undefined;
    const work = async ({ signal: own }: AbortController): Promise<void> => {
      try {
        for (let task = await this.#next(own); task !== undefined; task = await this.#next(own)) await this.#perform(task, own);
      } catch (error) {
        failure ??= { error };
        abort();
      }
    };
    try {
      // A lane that ends sees nothing to do; what turns up while others are still busy is theirs.
      await Promise.all(lanes.map(work));
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (failure !== undefined) throw failure.error;
  }

  async #next(signal: AbortSignal): Promise<RangeTask | undefined> {
    while (!signal.aborted && (!this.idle || this.#planning !== undefined)) {
      this.#planning ??= this.#plan(signal).finally(() => {
        this.#planning = undefined;
      });
      await this.#planning;
    }
    return signal.aborted ? undefined : this.#queue.shift();
  }

  async #plan(signal: AbortSignal): Promise<void> {
    await this.#options.settled();
    const { partlyIndexed } = this.#target.view;
    if (partlyIndexed !== undefined) throw tooLargeToHydrate(partlyIndexed);
    let wanted: Iterable<number> = this.#wanted;
    this.#wanted = [];
    const base = this.#base();
    if (this.#rescan) {
      this.#rescan = false;
      this.#open = this.#open.filter(({ file }) => this.#target.view.files.some((f) => sameFile(f, file)));
      for (const whole of this.#open) this.#enqueueVerified(whole);
      wanted = await this.#missing(base);
      if (base !== undefined) await this.#planBase(base, signal);
    }
    const groups = await groupByFile(wanted, () => this.#target.view, this.#options.runtime);
    for (const group of groups) await this.#planFile(group, signal);
    // The oldest file last: the others are the ones that retention deletes.
    this.#queue.sort((a, b) => (a.file.maxTXID > b.file.maxTXID ? -1 : a.file.maxTXID < b.file.maxTXID ? 1 : a.start - b.start));
  }

  /** The oldest file, where it must be read whole. */
  #base(): ReplicaFile | undefined {
    const first = this.#target.view.files[0];
    return this.#baseVerified || first?.minTXID !== 1n ? undefined : first;
  }

  /** Pages that are not there and are in another file than the base. Those that no file holds are there at once. */
  async #missing(base: ReplicaFile | undefined): Promise<number[]> {
    const { runtime } = this.#options;
    const { copy } = this.#target;
    const slices = slicesOf(runtime);
    const out: number[] = [];
    for (let pgno = 1; pgno <= this.#target.view.commit; pgno += 1) {
      if (copy.has(pgno)) {
        if (pgno % 512 !== 0) continue; // asking for the time costs more than the look
      } else {
        const frame = this.#target.view.lookup(pgno);
        if (frame === undefined) copy.writeZeros(pgno);
        else if (base === undefined || !sameFile(frame.file, base)) out.push(pgno);
      }
      if (slices.spent(1)) {
        await slices.turn();
        await this.#options.settled();
      }
    }
    return out;
  }

  async #planBase(base: ReplicaFile, signal: AbortSignal): Promise<void> {
    if (base.size <= SMALL_FILE_BYTES_MAX) {
      const verified = (): void => {
        this.#baseVerified = true;
      };
      const { pgnos } = await inTurns(this.#target.view.framesOfSteps(base), this.#options.runtime.timers);
      this.#enqueue(new WholeTask(base, pgnos, true, verified));
    } else if (!this.#open.some(({ file }) => sameFile(file, base))) await this.#openVerified(base, signal);
  }

  async #planFile(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const { file, pgnos } = wanted;
    const manner = mannerOf(wanted);
    if (this.#open.some((whole) => sameFile(whole.file, file))) return; // all of it is on its way
    if (manner === "whole") this.#enqueue(new WholeTask(file, Uint32Array.from(pgnos), false, () => undefined));
    else if (manner === "verified") await this.#openVerified(file, signal);
    else for (const part of cutIntoParts(wanted, this.#target.view, this.#rangeBytes)) this.#enqueue(new PartTask(part, file, part.pgnos));
  }

  async #openVerified(file: ReplicaFile, signal: AbortSignal): Promise<void> {
    const read = (start: number, end: number): Promise<Uint8Array> => {
      this.#options.progress.planned(end - start);
      return this.#fetcher.read(file, start, end, signal);
    };
    const whole = await VerifiedFile.open(file, this.#target.copy.pageSize, read, this.#options.runtime);
    this.#open.push(whole);
    this.#enqueueVerified(whole);
  }

  #enqueueVerified(whole: VerifiedFile): void {
    const verified = (): void => {
      this.#open = this.#open.filter((w) => w !== whole);
      if (whole.file.minTXID === 1n) this.#baseVerified = true;
    };
    for (const range of whole.ranges(this.#rangeBytes)) this.#enqueue(new VerifiedTask(whole, range, verified));
  }

  #enqueue(task: RangeTask): void {
    this.#queue.push(task);
    this.#options.progress.planned(task.end - task.start);
  }

  async #perform(task: RangeTask, signal: AbortSignal): Promise<void> {
    const { copy } = this.#target;
    const bytes = task.end - task.start;
    if (!copy.usable) throw hydrationFailed(copy.path, "another program changed the file; close and open the database again");
    if (!task.needed(this.#target)) {
      this.#options.progress.planned(-bytes);
      return;
    }
    await this.#budget.take(bytes);
    try {
      const fetched = await this.#fetcher.read(task.file, task.start, task.end, signal);
      await this.#decode(task, fetched, signal);
    } catch (error) {
      throw HeadwaterError.is(error) && error.code === "LTX_CORRUPT" ? new CorruptFileFound(task.file, namingKey(task.file, error)) : error;
    } finally {
      this.#budget.give(bytes);
    }
  }

  /** In slices, between which everything else runs. */
  async #decode(task: RangeTask, fetched: Uint8Array, signal: AbortSignal): Promise<void> {
    const { gate, progress, runtime, settled } = this.#options;
    const { writer } = this.#target;
    await settled();
    const slices = slicesOf(runtime);
    try {
      for (const _ of task.decode(fetched, this.#target)) {
        if (!slices.spent(1)) continue;
        writer.flush();
        progress.moved();
        await slices.turn();
        await gate();
        await settled();
        if (signal.aborted) return;
      }
      writer.flush();
      progress.moved();
    } finally {
      writer.drop();
    }
  }
}

/** Carries the file that was found to be corrupt to where its pages are taken back. */
export class CorruptFileFound extends Error {
  readonly file: ReplicaFile;

  constructor(file: ReplicaFile, cause: unknown) {
    super("a file of the replica is corrupt", { cause });
    this.file = file;
  }
}
