import { unlessAborted } from "@headwater/core";
import type { DiskTier } from "@headwater/page-cache";
import { fileIdentity, type RangeReader, type ReadOptions, type ReplicaFile } from "@headwater/replica";

/**
 * A {@link RangeReader} with a disk tier before it. Ranges are kept as they came from the store, compressed: that covers
 * page indexes, heads and frames alike, takes the least room, and what is read back is decoded and checked like a reply.
 */
export class CachedRangeReader implements RangeReader {
  readonly #inner: RangeReader;
  readonly #tier: Promise<DiskTier>;

  /** @param tier - Reading waits for it; where it can't be opened, every read fails with its error. */
  constructor(inner: RangeReader, tier: Promise<DiskTier>) {
    this.#inner = inner;
    this.#tier = tier;
  }

  async read(file: ReplicaFile, start: number, end: number, options: ReadOptions = {}): Promise<Uint8Array> {
    const tier = await unlessAborted(this.#tier, options.signal);
    const name = fileIdentity(file);
    if (options.fresh === true) tier.forget(name);
    const found = options.fresh === true ? undefined : await tier.read(name, start, end);
    if (found !== undefined) return found;
    const bytes = await this.#inner.read(file, start, end, options);
    tier.put(name, start, bytes);
    return bytes;
  }
}
