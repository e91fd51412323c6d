import { type FileSystem, txid, UNPACED } from "@headwater/core";
import type { EncodedLtx } from "@headwater/ltx";
import { type BufferReport, type ReadBuffer, readBuffer, reportOf } from "./inspect.js";
import { LogReader } from "./log-reader.js";
import { type Batch, collectBatch } from "./sync/batch.js";
import { encodeBatch } from "./sync/encode-batch.js";

/**
 * The commits of a buffer that are not certain to be in the replica, taken together: for whoever wants to see them or
 * take them elsewhere. Of a buffer that no process is writing, or of one that was set aside; changes nothing.
 */
export class UnsyncedCommits {
  readonly report: BufferReport;
  readonly #read: ReadBuffer;
  readonly #reader: LogReader;
  readonly #batch: Batch;

  private constructor(read: ReadBuffer, reader: LogReader, batch: Batch) {
    this.report = reportOf(read);
    this.#read = read;
    this.#reader = reader;
    this.#batch = batch;
  }

  /** @returns `undefined` where no buffer is, or nothing in it is unsynced. @throws as `inspectBuffer`; `SQLITE_IOERR_READ`. */
  static async open(fs: FileSystem, dir: string): Promise<UnsyncedCommits | undefined> {
    const read = await readBuffer(fs, dir);
    if (read === undefined) return undefined;
    const { log, resolved } = read;
    const { sequence, end: endOffset } = log.state;
    if (sequence <= resolved.base.sequence) return undefined;
    const reader = new LogReader({ fs, dir, pageSize: log.header.pageSize, published: () => ({ sequence, endOffset }) });
    try {
      const batch = await collectBatch(reader, resolved.base.sequence, sequence, Number.POSITIVE_INFINITY, UNPACED);
      return new UnsyncedCommits(read, reader, batch);
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /**
   * A page of the database after the last commit.
   *
   * @returns `"page"` or `"zeros"`: `into` is filled. `"base"`: it is not, and the page is what the replica has at `baseTxid`.
   * @throws `SQLITE_IOERR_READ`.
   */
  readPage(pgno: number, into: Uint8Array): "page" | "zeros" | "base" {
    const address = this.#batch.pages.get(pgno);
    if (address !== undefined) {
      this.#reader.readPage(address, into);
      return "page";
    }
    if (pgno <= this.#batch.minSizePages && this.#read.resolved.base.txid > 0n) return "base";
    into.fill(0);
    return "zeros";
  }

  /** The level-0 file that a sync would have made of them, with the TXID after `baseTxid`. @param nowMs - Milliseconds since the epoch. */
  encode(nowMs: number): Promise<EncodedLtx> {
    const { base } = this.#read.resolved;
    const { pageSize, writerId: nodeID } = this.#read.log.header;
    const timestampMs = Math.max(Math.floor(nowMs), base.timestampMs + 1);
    return encodeBatch(this.#reader, this.#batch, { txid: txid(base.txid + 1n), pageSize, timestampMs, nodeID }, UNPACED);
  }

  close(): void {
    this.#reader.close();
  }
}
