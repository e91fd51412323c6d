import { FencedError, formatTXID, HeadwaterError, throwIfAborted } from "@headwater/core";
import type { EncodedLtx } from "@headwater/ltx";
import type { Publisher, ReplicaFile, StoredFile } from "@headwater/replica";
import type { IntentFile } from "./intent-file.js";
import type { Intent } from "./intent-record.js";

export interface OutgoingPorts {
  readonly intents: IntentFile;
  readonly publisher: Publisher;
  readonly fsyncLog: () => Promise<void> | void;
  readonly beforeAttempt: (() => Promise<void>) | undefined;
  readonly bufferPath: string | undefined;
}

/** Answers to a put that say for certain that this attempt stored nothing. */
const NOT_STORED: ReadonlySet<string> = new Set(["STORE_CONFLICT", "STORE_DENIED", "STORE_NO_BUCKET"]);

/**
 * One file on its way to the replica. It is encoded once, its intent is durable before the first put, and every attempt
 * sends the same bytes; so an earlier attempt that lands late does no harm.
 */
export class OutgoingFile {
  readonly encoded: EncodedLtx;
  readonly intent: Intent;
  /** By the monotonic clock. */
  readonly startedMs: number;
  /** What the newest put met, while it is being found out what became of it. */
  trouble: unknown;
  readonly #ports: OutgoingPorts;
  #stage: "intent" | "put" | "confirm" = "intent";
  #file: ReplicaFile | undefined;

  constructor(encoded: EncodedLtx, intent: Intent, startedMs: number, ports: OutgoingPorts) {
    this.encoded = encoded;
    this.intent = intent;
    this.startedMs = startedMs;
    this.#ports = ports;
  }

  /**
   * One attempt at what is still to do; call it again after a failure.
   *
   * @returns The file as it is in the replica, once that is certain and durably noted.
   * @throws {FencedError} when another writer's file is there. Anything else: not known, or not done.
   */
  async attempt(signal: AbortSignal): Promise<ReplicaFile> {
    if (this.#stage === "intent") {
      await this.#ports.fsyncLog();
      throwIfAborted(signal);
      await this.#ports.intents.write(this.intent);
      this.#stage = "put";
    }
    if (this.#stage === "put") {
      await this.#ports.beforeAttempt?.();
      throwIfAborted(signal);
      this.#file = await this.#put(signal);
      this.#stage = "confirm";
    }
    throwIfAborted(signal);
    await this.#ports.intents.confirm();
    if (this.#file === undefined) throw new HeadwaterError("NOT_DURABLE", "confirmed without a file");
    return this.#file;
  }

  async #put(signal: AbortSignal): Promise<ReplicaFile> {
    try {
      const { file } = await this.#ports.publisher.publish(this.encoded, 0, { signal });
      return file;
    } catch (error) {
      this.trouble = error;
      const code = HeadwaterError.is(error) ? error.code : "";
      if (NOT_STORED.has(code) || signal.aborted) throw error;
      const taken = code === "STORE_PRECONDITION";
      let stored: StoredFile | undefined;
      try {
        stored = await this.#ports.publisher.stored(0, this.intent.txid, this.intent.txid, { signal });
      } catch (askError) {
        if (HeadwaterError.is(askError) && askError.code === "LTX_CORRUPT")
          throw this.#fenced("something that is not a file of ours", askError);
        // Still not known. After a 412 it is the answer to this question that was missing.
        throw taken ? askError : error;
      }
      if (stored === undefined) {
        // Taken a moment ago and gone now: it may have been ours, compacted and deleted.
        if (taken) throw this.#fenced("a file that is gone now, so whose it was is not known", error);
        throw error;
      }
      if (isOurs(this.intent, stored)) return stored.file;
      throw this.#fenced("another writer's file", error);
    }
  }

  #fenced(what: string, cause: unknown): FencedError {
    const { txid } = this.intent;
    const { bufferPath } = this.#ports;
    const local = formatTXID(txid - 1n);
    const remote = formatTXID(txid);
    const message =
      `another writer owns this replica now: TXID ${remote} is ${what}. Close and open again to go on from the replica; ` +
      `what was not synced stays in the write buffer localTxid=${local} remoteTxid=${remote}`;
    return new FencedError(message, { localTxid: local, remoteTxid: remote, cause, ...(bufferPath === undefined ? {} : { bufferPath }) });
  }
}

/** True when the stored file is the one that the intent announced. */
export function isOurs(intent: Intent, stored: StoredFile): boolean {
  return (
    stored.header.nodeID === intent.nodeID &&
    stored.trailer.fileChecksum === intent.fileChecksum &&
    stored.file.size === intent.size &&
    stored.header.timestampMs === intent.timestampMs
  );
}
