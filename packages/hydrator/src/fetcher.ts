import { HeadwaterError, type Runtime, throwIfAborted } from "@headwater/core";
import type { RangeReader, ReplicaFile } from "@headwater/replica";

export interface FetcherOptions {
  readonly reader: RangeReader;
  readonly runtime: Runtime;
  /** Undefined: as fast as it goes. */
  readonly maxBytesPerSecond: number | undefined;
  /** Waits while someone waits for a page. */
  readonly gate: () => Promise<void>;
  /** Told of every range that arrived, in bytes. */
  readonly onBytes: (bytes: number) => void;
}

/** So many failures in a row, over all ranges, end a run: with the pauses between them about three minutes. */
const FAILURES_MAX = 12;
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 30_000;

/** Reads ranges for hydration: behind demand reads, not faster than allowed, and patiently while the store is away. */
export class Fetcher {
  readonly #options: FetcherOptions;
  #failures = 0;
  #freeAtMs = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** @throws what the reader throws, once trying again is no use any more; `ABORTED` when the signal fires. */
  async read(file: ReplicaFile, start: number, end: number, signal: AbortSignal): Promise<Uint8Array> {
    const { reader, runtime, gate, onBytes } = this.#options;
    await this.#keepRate(end - start, signal);
    for (;;) {
      await gate();
      throwIfAborted(signal);
      try {
        const bytes = await reader.read(file, start, end, { signal });
        this.#failures = 0;
        onBytes(bytes.byteLength);
        return bytes;
      } catch (error) {
        throwIfAborted(signal);
        if (!HeadwaterError.is(error) || !error.retryable) throw error;
        this.#failures += 1;
        if (this.#failures >= FAILURES_MAX) throw error;
        const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (this.#failures - 1));
        await runtime.timers.sleep(pauseMs * (0.5 + runtime.random.nextU32() / 2 ** 33), signal);
      }
    }
  }

  /** Each range reserves the time that it may take, so that several at once share the rate. */
  async #keepRate(bytes: number, signal: AbortSignal): Promise<void> {
    const { runtime, maxBytesPerSecond } = this.#options;
    if (maxBytesPerSecond === undefined) return;
    const nowMs = runtime.clock.monotonicMs();
    const waitMs = this.#freeAtMs - nowMs;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes / maxBytesPerSecond) * 1000;
    if (waitMs > 0) await runtime.timers.sleep(waitMs, signal);
  }
}
