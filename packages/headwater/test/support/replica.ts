import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lockPgno, type Pgno, txid } from "@headwater/core";
import { encodeLtx, formatLtxName, mergeLtx } from "@headwater/ltx";

/** Puts a SQLite database as one file at TXID 1 into a file replica, as a snapshot (level 9) or a first transaction (level 0). */
export function putDatabase(replicaDir: string, level: number, pageSize: number, bytes: Uint8Array): void {
  const commit = bytes.byteLength / pageSize;
  const one = txid(1n);
  const pgnos = Array.from({ length: commit }, (_, i) => i + 1).filter((pgno) => pgno !== lockPgno(pageSize));
  const pages = pgnos.map((pgno) => ({ pgno: pgno as Pgno, data: bytes.subarray((pgno - 1) * pageSize, pgno * pageSize) }));
  const header = { pageSize, commit, minTXID: one, maxTXID: one, timestampMs: Date.UTC(2026, 0, 1) };
  putFile(replicaDir, level, 1n, 1n, encodeLtx({ header, pages }).bytes);
}

/** Merges level-0 files of a file replica into one of a higher level, as a compaction does. Leaves them where they are. */
export function compactTo(replicaDir: string, level: number, min: bigint, max: bigint): void {
  const inputs: Uint8Array[] = [];
  for (let n = min; n <= max; n += 1n) inputs.push(readFileSync(fileOf(replicaDir, 0, n, n)));
  putFile(replicaDir, level, min, max, mergeLtx(inputs).bytes);
}

/** Removes all files of one level. */
export function removeLevel(replicaDir: string, level: number): void {
  rmSync(path.join(replicaDir, "ltx", String(level)), { recursive: true });
}

/** Removes the level-0 files from `min` to `max`, as retention does once a higher level covers them. */
export function removeLevelZero(replicaDir: string, min: bigint, max: bigint): void {
  for (let n = min; n <= max; n += 1n) rmSync(fileOf(replicaDir, 0, n, n));
}

/** Names of the files of one level, in order. */
export function filesOf(replicaDir: string, level: number): string[] {
  return readdirSync(path.join(replicaDir, "ltx", String(level))).sort();
}

function putFile(replicaDir: string, level: number, min: bigint, max: bigint, bytes: Uint8Array): void {
  const file = fileOf(replicaDir, level, min, max);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

function fileOf(replicaDir: string, level: number, min: bigint, max: bigint): string {
  return path.join(replicaDir, "ltx", String(level), formatLtxName(txid(min), txid(max)));
}
