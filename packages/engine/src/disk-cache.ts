import { HeadwaterError } from "@headwater/core";
import { crc64 } from "@headwater/ltx";
import { DiskTier } from "@headwater/page-cache";
import type { RangeReader } from "@headwater/replica";
import { CachedRangeReader } from "./cached-range-reader.js";
import type { DiskCacheConfig, EnginePorts } from "./config.js";
import type { Emit } from "./events.js";

/** The disk tier of one open database: what of the replica's files was read before, in this process or in another. */
export class DiskCache {
  /** Reads through the tier. */
  readonly reader: RangeReader;
  readonly #tier: Promise<DiskTier>;
  #begin!: () => void;
  /** Nothing is written before the first statement has its answer. */
  readonly #begun: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve;
  });
  #whenIdle: () => Promise<void> = () => Promise.resolve();

  /** @param identity - Store and prefix. The same keys in another bucket, or behind another endpoint, are other files. */
  constructor(config: DiskCacheConfig, identity: string, inner: RangeReader, ports: EnginePorts, emit: Emit) {
    const { fs, runtime, shared } = ports;
    const note = (tier: DiskTier): void => {
      shared.setStatistic("diskHits", tier.hits);
      shared.setStatistic("diskMisses", tier.misses);
      shared.setStatistic("diskBytes", tier.bytes);
    };
    this.#tier = DiskTier.open({
      ...config,
      fs,
      runtime,
      store: identity,
      checksum: crc64,
      onChange: note,
      whenIdle: () => this.#begun.then(() => this.#whenIdle()),
      onWriteFailure: (error) =>
        emit(
          "warning",
          unwritable("the disk cache can't be written; what is in it is still read, and nothing more is kept", config, error),
        ),
    }).catch((error: unknown) => {
      throw unwritable("the folder of the disk cache can't be used; choose another with cache.disk.path", config, error);
    });
    this.#tier.catch(() => undefined); // Whoever waits for it is told.
    this.reader = new CachedRangeReader(inner, this.#tier);
  }

  /** @throws {HeadwaterError} `CACHE_UNWRITABLE` when the folder can't be made or read. */
  async opened(): Promise<void> {
    await this.#tier;
  }

  /** From now on what was read is written, whenever nobody waits for the thread. */
  begin(whenIdle: () => Promise<void>): void {
    this.#whenIdle = whenIdle;
    this.#begin();
  }

  /** Writes what was read and is not written yet. Never rejects. */
  async close(): Promise<void> {
    await this.#tier.then(
      (tier) => tier.close(),
      () => undefined, // It was never open.
    );
  }
}

function unwritable(what: string, { path }: DiskCacheConfig, cause: unknown): HeadwaterError {
  return new HeadwaterError("CACHE_UNWRITABLE", `${what}; path=${path}`, { cause });
}
