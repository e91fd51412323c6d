import type { Clock } from "@headwater/core";

/** What can be told of a hydration. Plain data. */
export interface HydrationStatus {
  readonly state: "waiting" | "running" | "complete" | "failed";
  /** Pages that are there. All of them only when complete; never fewer than told before, unless the database shrank or it failed. */
  readonly pages: number;
  /** Size of the database, in pages. */
  readonly pageCount: number;
  /** Fetched so far, compressed. Pages that reads brought along are not counted. */
  readonly bytes: number;
  /** Over the current run. */
  readonly bytesPerSecond: number;
  /** Null while it can't be told, 0 when complete. */
  readonly secondsLeft: number | null;
}

/** Told at most so often, changes of state apart. */
const TELL_EVERY_MS = 100;

export class Progress {
  readonly #clock: Clock;
  readonly #onProgress: (status: HydrationStatus) => void;
  readonly #counts: () => { readonly pages: number; readonly pageCount: number };
  #state: HydrationStatus["state"] = "waiting";
  #pagesTold = 0;
  #bytes = 0;
  #runStartMs = 0;
  #runStartBytes = 0;
  /** What is still to be fetched, in bytes; NaN while unknown. */
  #left = Number.NaN;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(
    clock: Clock,
    counts: () => { readonly pages: number; readonly pageCount: number },
    onProgress: (status: HydrationStatus) => void,
  ) {
    this.#clock = clock;
    this.#counts = counts;
    this.#onProgress = onProgress;
  }

  get state(): HydrationStatus["state"] {
    return this.#state;
  }

  get status(): HydrationStatus {
    const { pages, pageCount } = this.#counts();
    const complete = this.#state === "complete";
    // The last page is held back until what was read is verified.
    const most = this.#state === "failed" ? pages : Math.max(pages, this.#pagesTold);
    this.#pagesTold = complete ? pageCount : Math.min(most, Math.max(0, pageCount - 1));
    const elapsedMs = this.#state === "running" ? this.#clock.monotonicMs() - this.#runStartMs : 0;
    const bytesPerSecond = elapsedMs > 0 ? Math.round(((this.#bytes - this.#runStartBytes) / elapsedMs) * 1000) : 0;
    const secondsLeft = complete
      ? 0
      : bytesPerSecond > 0 && !Number.isNaN(this.#left)
        ? Math.ceil(Math.max(0, this.#left) / bytesPerSecond)
        : null;
    return { state: this.#state, pages: this.#pagesTold, pageCount, bytes: this.#bytes, bytesPerSecond, secondsLeft };
  }

  enter(state: HydrationStatus["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === "running") {
      this.#runStartMs = this.#clock.monotonicMs();
      this.#runStartBytes = this.#bytes;
    }
    this.#tell();
  }

  /** A range arrived. */
  fetched(bytes: number): void {
    this.#bytes += bytes;
    this.#left -= bytes;
  }

  /** So many bytes more are to be fetched. */
  planned(bytes: number): void {
    this.#left = (Number.isNaN(this.#left) ? 0 : this.#left) + bytes;
  }

  /** Nothing is planned any more. */
  unplanned(): void {
    this.#left = Number.NaN;
  }

  /** Pages were written. */
  moved(): void {
    if (this.#clock.monotonicMs() - this.#toldMs >= TELL_EVERY_MS) this.#tell();
  }

  #tell(): void {
    this.#toldMs = this.#clock.monotonicMs();
    this.#onProgress(this.status);
  }
}
