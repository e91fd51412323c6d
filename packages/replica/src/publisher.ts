import { HeadwaterError, type TXID } from "@headwater/core";
import { decodeHeader, decodeTrailer, type EncodedLtx, HEADER_SIZE, type Header, TRAILER_SIZE, type Trailer } from "@headwater/ltx";
import type { CallOptions, HeadResult, ObjectStore } from "@headwater/object-store";
import { corrupt, withKey } from "./errors.js";
import type { Layout } from "./layout.js";
import { storeRangeReader } from "./range-reader.js";
import type { ReplicaFile } from "./replica-file.js";

type Call = { readonly signal?: AbortSignal };

/** What lies under a key now, as far as it is needed to tell whose it is. */
export interface StoredFile {
  readonly header: Header;
  readonly trailer: Trailer;
  readonly file: ReplicaFile;
  /** The store's own clock when it answered. */
  readonly dateMs: number;
}

export interface Publisher {
  /**
   * Puts a file under its key if that is free: one attempt, no retry. Retrying, and telling whose file is there after
   * an answer that was lost, is the caller's.
   *
   * @returns The file as a listing would show it, but for `lastModifiedMs`, which is the Date of the reply.
   * @throws `STORE_PRECONDITION` when the key is taken. Anything else but `STORE_CONFLICT`, `STORE_DENIED` and
   *   `STORE_NO_BUCKET` leaves the outcome unknown.
   */
  publish(encoded: EncodedLtx, level: number, options?: Call): Promise<{ file: ReplicaFile; dateMs: number }>;
  /**
   * Header and trailer of what is there now; undefined where nothing is.
   *
   * @throws `LTX_CORRUPT` if it is no LTX file or one of other transactions; else what the store throws.
   */
  stored(level: number, minTXID: TXID, maxTXID: TXID, options?: Call): Promise<StoredFile | undefined>;
}

/** How often what is there may be replaced while it is being looked at. */
const STORED_ATTEMPTS_MAX = 3;

export function storePublisher(store: ObjectStore, layout: Layout): Publisher {
  const reader = storeRangeReader(store);

  const inspect = async (file: ReplicaFile, head: HeadResult, call: Call): Promise<StoredFile> => {
    if (file.size < HEADER_SIZE + TRAILER_SIZE) throw corrupt(file, "it is too short for an LTX file", `size=${file.size}`);
    const [headerBytes, trailerBytes] = await Promise.all([
      reader.read(file, 0, HEADER_SIZE, call),
      reader.read(file, file.size - TRAILER_SIZE, file.size, call),
    ]);
    try {
      const [header, trailer] = [decodeHeader(headerBytes), decodeTrailer(trailerBytes)];
      if (header.minTXID !== file.minTXID || header.maxTXID !== file.maxTXID)
        throw corrupt(file, "its header names other transactions than its key");
      return { header, trailer, file, dateMs: head.dateMs };
    } catch (error) {
      throw withKey(file, "", error);
    }
  };

  return {
    publish: async (encoded, level, options = {}) => {
      const { minTXID, maxTXID, timestampMs } = encoded.header;
      const key = layout.key(level, minTXID, maxTXID);
      const metadata = { "litestream-timestamp": formatTimestamp(timestampMs) };
      const { etag, dateMs } = await store.put(key, encoded.bytes, { ...options, precondition: { ifNoneMatch: "*" }, metadata });
      return { file: { key, etag, size: encoded.bytes.byteLength, level, minTXID, maxTXID, lastModifiedMs: dateMs }, dateMs };
    },

    stored: async (level, minTXID, maxTXID, options = {}) => {
      const key = layout.key(level, minTXID, maxTXID);
      for (let attempt = 1; ; attempt += 1) {
        const head = await headOf(store, key, options);
        if (head === undefined) return undefined;
        const { etag, size, lastModifiedMs } = head;
        try {
          return await inspect({ key, etag, size, level, minTXID, maxTXID, lastModifiedMs }, head, options);
        } catch (error) {
          const replaced = HeadwaterError.is(error) && error.code === "REPLICA_FILE_GONE";
          if (!replaced || attempt === STORED_ATTEMPTS_MAX) throw error;
        }
      }
    },
  };
}

async function headOf(store: ObjectStore, key: string, options: CallOptions): Promise<HeadResult | undefined> {
  try {
    return await store.head(key, options);
  } catch (error) {
    if (HeadwaterError.is(error) && error.code === "STORE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** RFC 3339 in UTC with nanoseconds, which Litestream reads as a file's creation time. */
export function formatTimestamp(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) throw new RangeError(`timestamp out of range; ms=${ms}`);
  return date.toISOString().replace("Z", "000000Z");
}
