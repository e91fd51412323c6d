import { txid } from "@headwater/core";
import { encodeHeader, HEADER_SIZE, PAGE_HEADER_SIZE, TRAILER_SIZE } from "@headwater/ltx";
import type { Content } from "../../store/bucket.js";
import { PAGE_SIZE } from "./btree-page.js";
import { encodeFrame } from "./frame.js";
import type { HugeTable } from "./huge-table.js";

/** Pages between two places that are remembered. */
const STEP = 1024;
const SIZE_FIELD = 8;
/** Three numbers below 2^53. */
const ENTRY_BYTES_MAX = 24;
/** No checksum of such a file is known, and nobody reads it whole: the flag alone. */
const FILE_CHECKSUM = 1n << 63n;

/**
 * A snapshot of a huge database as an LTX file that exists only where it is read. What is remembered is where every
 * thousandth frame and index entry begins.
 */
export class HugeFile implements Content {
  readonly size: number;
  readonly #table: HugeTable;
  /** By page / STEP: byte offset of the frame, and of its entry within the index. */
  readonly #frames: Float64Array;
  readonly #entries: Float64Array;
  /** Of each frame; none has 64 KiB. */
  readonly #sizes: Uint16Array;
  readonly #header: Uint8Array;
  readonly #end: Uint8Array;
  readonly #indexOffset: number;
  readonly #indexEnd: number;

  constructor(table: HugeTable) {
    this.#table = table;
    const count = Math.ceil(table.pages / STEP);
    this.#frames = new Float64Array(count);
    this.#entries = new Float64Array(count);
    this.#sizes = new Uint16Array(table.pages);
    let frame = HEADER_SIZE;
    let entry = 0;
    for (let page = 0; page < table.pages; page += 1) {
      if (page % STEP === 0) {
        this.#frames[page / STEP] = frame;
        this.#entries[page / STEP] = entry;
      }
      const size = table.frameSize(page);
      this.#sizes[page] = size;
      entry += indexVarintLength(table.pgno(page)) + indexVarintLength(frame) + indexVarintLength(size);
      frame += size;
    }
    this.#indexOffset = frame + PAGE_HEADER_SIZE;
    this.#indexEnd = this.#indexOffset + entry;
    this.#header = encodeHeader({
      noChecksum: true,
      pageSize: PAGE_SIZE,
      commit: table.commit,
      minTXID: txid(1),
      maxTXID: txid(1),
      timestampMs: Date.UTC(2026, 0, 1),
      preApplyChecksum: 0n,
      nodeID: 0n,
      walOffset: 0n,
      walSize: 0n,
      walSalt1: 0,
      walSalt2: 0,
    });
    this.#end = Buffer.alloc(1 + SIZE_FIELD + TRAILER_SIZE);
    const view = new DataView(this.#end.buffer, this.#end.byteOffset);
    view.setBigUint64(1, BigInt(entry + 1));
    view.setBigUint64(1 + SIZE_FIELD + 8, FILE_CHECKSUM);
    this.size = this.#indexEnd + this.#end.length;
  }

  /** Bytes of the index. */
  get indexBytes(): number {
    return this.#indexEnd - this.#indexOffset + 1;
  }

  read(start: number, end: number): Uint8Array {
    const out = new Uint8Array(end - start);
    const put = (bytes: Uint8Array, at: number): void => {
      const [from, to] = [Math.max(at, start), Math.min(at + bytes.length, end)];
      if (from < to) out.set(bytes.subarray(from - at, to - at), from - start);
    };
    put(this.#header, 0);
    this.#putFrames(start, Math.min(end, this.#indexOffset - PAGE_HEADER_SIZE), put);
    this.#putEntries(start - this.#indexOffset, end - this.#indexOffset, put);
    put(this.#end, this.#indexEnd);
    return out;
  }

  #putFrames(start: number, end: number, put: (bytes: Uint8Array, at: number) => void): void {
    const step = lastAtOrBelow(this.#frames, start);
    let at = this.#frames[step] ?? 0;
    for (let page = step * STEP; page < this.#table.pages && at < end; page += 1) {
      const size = this.#sizes[page] ?? 0;
      if (at + size > start) put(encodeFrame(this.#table.pgno(page), this.#table.make(page)), at);
      at += size;
    }
  }

  /** @param start - Within the index, as `end` is; may lie outside of it. */
  #putEntries(start: number, end: number, put: (bytes: Uint8Array, at: number) => void): void {
    const entries = Buffer.alloc(STEP * ENTRY_BYTES_MAX);
    for (let step = lastAtOrBelow(this.#entries, start); step < this.#entries.length; step += 1) {
      const at = this.#entries[step] ?? 0;
      if (at >= end) return;
      let frame = this.#frames[step] ?? 0;
      let length = 0;
      const last = Math.min(this.#table.pages, (step + 1) * STEP);
      for (let page = step * STEP; page < last; page += 1) {
        const size = this.#sizes[page] ?? 0;
        length = putIndexVarint(entries, length, this.#table.pgno(page));
        length = putIndexVarint(entries, length, frame);
        length = putIndexVarint(entries, length, size);
        frame += size;
      }
      put(entries.subarray(0, length), this.#indexOffset + at);
    }
  }
}

/** Index of the last value that is not above `limit`; 0 if all are. */
function lastAtOrBelow(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}

/** Seven bits a byte, low ones first. @see superfly/ltx README, "Page index" */
function putIndexVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Bit operations work on 32 bits: what is above goes four bytes at a time.
  for (; rest >= 2 ** 28; rest = Math.floor(rest / 2 ** 28)) {
    const low = rest % 2 ** 28;
    for (let shift = 0; shift < 28; shift += 7) bytes[at++] = ((low >>> shift) & 0x7f) | 0x80;
  }
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

function indexVarintLength(value: number): number {
  if (value >= 2 ** 28) return 4 + indexVarintLength(Math.floor(value / 2 ** 28));
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}
