import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lockPgno, type Pgno, txid } from "@headwater/core";
import { formatLtxName, LtxEncoder } from "@headwater/ltx";
import { openPlain } from "@headwater/vfs/testing";

const PAGE_SIZE = 65_536;
/** Bytes of an overflow page that hold payload: all but the number of the next one. */
const OVERFLOW_BYTES = PAGE_SIZE - 4;
/** What of a payload stays in the leaf when the rest fills its overflow pages exactly. @see SQLite file format, "B-tree Pages" */
const LOCAL_BYTES = Math.floor(((PAGE_SIZE - 12) * 32) / 255) - 23;

/** A database of 1 GiB less a page or so: its last page is the one before the lock page. */
export interface BigDatabase {
  readonly pageSize: number;
  readonly commit: number;
  /** Bytes of the two rows of `big(n integer primary key, b blob)`. */
  readonly lengths: readonly number[];
}

/**
 * Puts a database that ends just before the lock page into a file replica, as one snapshot: an empty table `t(n, b)`, and a
 * table whose two rows are zeros as far as the eye can see. It is made page by page, and is small once compressed.
 */
export async function putBigDatabase(replicaDir: string): Promise<BigDatabase> {
  const commit = lockPgno(PAGE_SIZE) - 1;
  const plain = await openPlain();
  plain.run(
    `pragma page_size = ${PAGE_SIZE}; create table big (n integer primary key, b blob); create table t (n integer primary key, b blob)`,
  );
  const small = plain.bytes().slice();
  plain.close();
  new DataView(small.buffer).setUint32(28, commit);
  const used = small.byteLength / PAGE_SIZE;
  const first = Math.floor((commit - used) / 2);
  const counts = [first, commit - used - first];
  const rows = rowsOf(counts, used + 1);
  small.set(rows.leaf, PAGE_SIZE); // page 2 is the root of the table that was made first

  const one = txid(1n);
  const encoder = new LtxEncoder({ pageSize: PAGE_SIZE, commit, minTXID: one, maxTXID: one, timestampMs: Date.UTC(2026, 0, 1) });
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  for (let pgno = 1; pgno <= commit; pgno += 1) {
    if (pgno <= used) page.set(small.subarray((pgno - 1) * PAGE_SIZE, pgno * PAGE_SIZE));
    else {
      page.fill(0);
      view.setUint32(0, rows.ends.has(pgno) ? 0 : pgno + 1);
    }
    encoder.addPage(pgno as Pgno, page);
  }
  const folder = path.join(replicaDir, "ltx", "9");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, formatLtxName(one, one)), encoder.finish().bytes);
  return { pageSize: PAGE_SIZE, commit, lengths: rows.lengths };
}

interface Rows {
  /** A table leaf with one cell a row. */
  readonly leaf: Uint8Array;
  /** The last overflow page of each row. */
  readonly ends: ReadonlySet<number>;
  readonly lengths: readonly number[];
}

/** Rows 1, 2, ... of zeros, each filling so many overflow pages exactly, in the order of their numbers from `pgno` on. */
function rowsOf(overflowCounts: readonly number[], pgno: number): Rows {
  const leaf = new Uint8Array(PAGE_SIZE);
  const view = new DataView(leaf.buffer);
  const ends = new Set<number>();
  const lengths: number[] = [];
  let next = pgno;
  let at = PAGE_SIZE;
  for (const [i, count] of overflowCounts.entries()) {
    const payload = LOCAL_BYTES + count * OVERFLOW_BYTES;
    const headerBytes = 7; // its own length, NULL for the rowid's column, and five bytes that say how long the blob is
    lengths.push(payload - headerBytes);
    const recordHeader = [headerBytes, 0, ...varint(2 * (payload - headerBytes) + 12)];
    const cellHead = [...varint(payload), i + 1];
    at -= cellHead.length + LOCAL_BYTES + 4;
    leaf.set([...cellHead, ...recordHeader], at);
    view.setUint32(at + cellHead.length + LOCAL_BYTES, next);
    view.setUint16(8 + 2 * i, at);
    next += count;
    ends.add(next - 1);
  }
  leaf[0] = 0x0d;
  view.setUint16(3, overflowCounts.length);
  view.setUint16(5, at);
  return { leaf, ends, lengths };
}

/** SQLite's big-endian varint of up to eight bytes. */
function varint(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 128);
  return bytes;
}
