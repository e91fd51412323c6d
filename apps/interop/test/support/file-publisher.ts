import { readFileSync } from "node:fs";
import { lockPgno, type Pgno, type TXID, txid } from "@headwater/core";
import { type EncodedLtx, encodeLtx, mergeLtx } from "@headwater/ltx";
import { listReplica, storePublisher } from "@headwater/replica";
import type { Place } from "./backends.js";
import { pageOf } from "./restore.js";

/** Publishes what changed in a SQLite file since the last time as the next level-0 file, with our encoder and publisher. */
export class FilePublisher {
  readonly #place: Place;
  readonly #file: string;
  #before: Uint8Array = new Uint8Array(0);
  #txid = 0n;
  #commitMax = 0;

  constructor(place: Place, file: string) {
    this.#place = place;
    this.#file = file;
  }

  get txid(): TXID {
    return txid(this.#txid);
  }

  /** By how many pages the database is smaller than it was once. */
  get shrunkPages(): number {
    return this.#before.byteLength === 0 ? 0 : this.#commitMax - this.#before.byteLength / pageSizeOf(this.#before);
  }

  /** @returns How many pages the file holds; undefined when nothing had changed. */
  async publish(): Promise<number | undefined> {
    const bytes = readFileSync(this.#file);
    const pageSize = pageSizeOf(bytes);
    const commit = bytes.byteLength / pageSize;
    const pages = [];
    for (let pgno = 1; pgno <= commit; pgno += 1) {
      const data = pageOf(bytes, pgno, pageSize);
      const before = pageOf(this.#before, pgno, pageSize);
      // With minTXID 1 every page; pages that the file grew by as well, zeros or not.
      if (pgno !== lockPgno(pageSize) && (this.#txid === 0n || before.byteLength === 0 || Buffer.compare(data, before) !== 0))
        pages.push({ pgno: pgno as Pgno, data });
    }
    if (pages.length === 0 && bytes.byteLength === this.#before.byteLength) return undefined;
    const next = txid(this.#txid + 1n);
    const header = { pageSize, commit, minTXID: next, maxTXID: next, timestampMs: Date.now() };
    await storePublisher(this.#place.store, this.#place.layout).publish(encodeLtx({ header, pages }), 0);
    this.#txid = next;
    this.#commitMax = Math.max(this.#commitMax, commit);
    this.#before = bytes;
    return pages.length;
  }

  /** Merges level-0 files into one of a higher level, and deletes them; from TXID 1 on that is a snapshot. */
  async compact(level: number, min: bigint): Promise<void> {
    const { store, layout } = this.#place;
    const { files } = await listReplica(store, layout, { complete: true });
    const inputs = files.filter((f) => f.level === 0 && f.minTXID >= min).sort((a, b) => (a.minTXID < b.minTXID ? -1 : 1));
    const bodies = await Promise.all(inputs.map(async (f) => (await store.get(f.key)).body));
    const merged: EncodedLtx = mergeLtx(bodies, { checksum: "none" });
    await storePublisher(store, layout).publish(merged, level);
    for (const { key } of inputs) await store.delete(key);
  }
}

function pageSizeOf(bytes: Uint8Array): number {
  const stored = ((bytes[16] ?? 0) << 8) | (bytes[17] ?? 0);
  return stored === 1 ? 65_536 : stored;
}
