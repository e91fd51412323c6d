import { HeadwaterError } from "@headwater/core";
import type { GetResult, ObjectStore } from "@headwater/object-store";
import { fileGone } from "./errors.js";
import type { ReplicaFile } from "./replica-file.js";

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Not from a cache: what it gave could not be decoded. A reader without one takes no notice. */
  readonly fresh?: boolean;
}

/** Reads bytes of just the file that was listed. */
export interface RangeReader {
  /**
   * The bytes from `start` up to and without `end`, all of them; both must lie within the file.
   *
   * @throws `REPLICA_FILE_GONE` when the file is not there, or another one lies under its key; else what the store throws.
   */
  read(file: ReplicaFile, start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** A {@link RangeReader} right on a store: one GET a call. */
export function storeRangeReader(store: ObjectStore): RangeReader {
  return {
    read: async (file, start, end, options = {}) => {
      if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end && end <= file.size)) {
        throw new RangeError(`range outside of the file; key=${file.key} start=${start} end=${end} size=${file.size}`);
      }
      const signal = options.signal === undefined ? {} : { signal: options.signal };
      let result: GetResult;
      try {
        result = await store.get(file.key, { range: { start, end }, ...signal });
      } catch (error) {
        throw translate(file, error);
      }
      // The reply's ETag is compared rather than sent as If-Match: not every store honours that on a GET.
      if (result.etag !== file.etag || result.size !== file.size) throw fileGone(file, "was replaced by another");
      if (result.start !== start || result.body.byteLength !== end - start) {
        throw new HeadwaterError(
          "STORE_UNAVAILABLE",
          `the store answered with another range than was asked for; try again; key=${file.key} start=${start} end=${end} gotStart=${result.start} gotBytes=${result.body.byteLength}`,
        );
      }
      return result.body;
    },
  };
}

/**
 * Reads and decodes; what is corrupt is read once more, from the store itself: it may have been damaged on its way, or in
 * a cache, and then the store has it right.
 *
 * @throws What the second try throws, where the first found `LTX_CORRUPT`; else what the first throws.
 */
export async function againIfCorrupt<T>(options: ReadOptions, work: (options: ReadOptions) => Promise<T>): Promise<T> {
  try {
    return await work(options);
  } catch (error) {
    if (!HeadwaterError.is(error) || error.code !== "LTX_CORRUPT" || options.fresh === true) throw error;
    return work({ ...options, fresh: true });
  }
}

function translate(file: ReplicaFile, error: unknown): unknown {
  if (!HeadwaterError.is(error)) return error;
  if (error.code === "STORE_NOT_FOUND") return fileGone(file, "was deleted", error);
  // The range was within the file that was listed.
  if (error.code === "OUT_OF_RANGE") return fileGone(file, "was replaced by a shorter one", error);
  return error;
}
