import { type FileHandle, type FileSystem, HeadwaterError } from "@headwater/core";
import { bufferError } from "../log/segment.js";
import { syncFile } from "../log/sync-file.js";
import { decodeIntent, encodeIntent, INTENT_BYTES, type Intent, type IntentRecord } from "./intent-record.js";

/** Its name beside the log's segments. */
export const INTENT_FILE = "intent";

/** The slots lie so far apart that no torn write reaches both. */
const SLOT_DISTANCE = 4096;

/**
 * What was last put, or is about to be: a small file of its own, since the log's tail may be cut. Two slots are written
 * in turn, each write durable before it counts, so a torn one leaves the state before it.
 */
export class IntentFile {
  readonly #dir: string;
  readonly #handle: FileHandle;
  #newest: IntentRecord | undefined;
  #counter = 0;
  #slot = 0;

  private constructor(dir: string, handle: FileHandle) {
    this.#dir = dir;
    this.#handle = handle;
  }

  /**
   * Opens it, or creates it.
   * @throws `BUFFER_UNWRITABLE`; `BUFFER_FOREIGN` for a file of another format version.
   */
  static open(fs: FileSystem, dir: string): IntentFile {
    const path = fs.join(dir, INTENT_FILE);
    try {
      const handle = fs.open(path, "a+", 0o600);
      const file = new IntentFile(dir, handle);
      try {
        // Also where it exists: who made it may have died before this.
        fs.syncDir(dir);
        file.#load();
      } catch (error) {
        handle.close();
        throw error;
      }
      return file;
    } catch (error) {
      throw bufferError("open the write buffer's intent file", dir, error);
    }
  }

  /** Reads it without creating or changing anything; `undefined` where it holds nothing. */
  static read(fs: FileSystem, dir: string): IntentRecord | undefined {
    if (fs.stat(fs.join(dir, INTENT_FILE)) === undefined) return undefined;
    const handle = fs.open(fs.join(dir, INTENT_FILE), "r");
    try {
      const file = new IntentFile(dir, handle);
      file.#load();
      return file.newest;
    } finally {
      handle.close();
    }
  }

  /** The last record written. */
  get newest(): IntentRecord | undefined {
    return this.#newest;
  }

  /** The file whose put has no certain outcome yet: it must be sent again, with the same bytes. */
  get unconfirmed(): Intent | undefined {
    return this.#newest?.confirmed === false ? this.#newest : undefined;
  }

  /**
   * Makes an intent durable. After a failure the same one may be tried again; another one must not.
   * @throws `BUFFER_UNWRITABLE`.
   */
  async write(intent: Intent): Promise<void> {
    const pending = this.unconfirmed;
    if (pending !== undefined && (pending.txid !== intent.txid || pending.fileChecksum !== intent.fileChecksum)) {
      throw new HeadwaterError(
        "NOT_DURABLE",
        `a second intent while one is unconfirmed dir=${this.#dir} txid=${pending.txid} second=${intent.txid}`,
      );
    }
    await this.#put({ ...intent, confirmed: false });
  }

  /** Makes it durable that the unconfirmed intent's file is in the replica. @throws `BUFFER_UNWRITABLE`. */
  async confirm(): Promise<void> {
    const pending = this.unconfirmed;
    if (pending !== undefined) await this.#put({ ...pending, confirmed: true });
  }

  close(): void {
    this.#handle.close();
  }

  async #put(record: IntentRecord): Promise<void> {
    const slot = 1 - this.#slot;
    try {
      this.#handle.write(encodeIntent(record, this.#counter + 1), slot * SLOT_DISTANCE);
      await syncFile(this.#handle);
    } catch (error) {
      throw bufferError("write the write buffer's intent file", this.#dir, error);
    }
    this.#slot = slot;
    this.#counter += 1;
    this.#newest = record;
  }

  #load(): void {
    for (const slot of [0, 1]) {
      const bytes = new Uint8Array(INTENT_BYTES);
      const got = this.#handle.read(bytes, slot * SLOT_DISTANCE);
      const result = decodeIntent(bytes.subarray(0, got));
      if (result.kind === "other") {
        throw new HeadwaterError(
          "BUFFER_FOREIGN",
          `the write buffer's intent file has another format version; open it with the release that made it dir=${this.#dir}`,
        );
      }
      if (result.kind !== "ok" || result.counter < this.#counter) continue;
      this.#counter = result.counter;
      this.#slot = slot;
      this.#newest = result.record;
    }
  }
}
