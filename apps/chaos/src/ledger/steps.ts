import { createHash } from "node:crypto";
import { SeededRandom } from "@headwater/core/testing";

export const ACCOUNTS = 20;
export const OPENING_BALANCE = 1000;

/** What transaction `n` of a ledger does. The same for the same seed and number, in every process. */
export interface Step {
  readonly n: number;
  readonly source: number;
  readonly target: number;
  readonly amount: number;
  /** Length of the blob that it adds. */
  readonly blobBytes: number;
  /** Blobs below this number are deleted; 0 for none. */
  readonly deleteBelow: number;
  /** A transaction that is rolled back comes first. */
  readonly rollbackFirst: boolean;
  /** Upkeep that changes no content comes first. */
  readonly upkeep: "" | "vacuum" | "pragma incremental_vacuum(3)";
}

const LONG_BYTES = 120_000;
const KEPT_BLOBS = 25;

export function stepOf(seed: number, n: number): Step {
  const random = new SeededRandom((seed ^ Math.imul(n, 0x9e3779b1)) >>> 0);
  const source = 1 + random.below(ACCOUNTS);
  return {
    n,
    source,
    target: 1 + ((source + random.below(ACCOUNTS - 1)) % ACCOUNTS),
    amount: 1 + random.below(100),
    blobBytes: random.chance(0.1) ? random.below(LONG_BYTES) : random.below(600),
    deleteBelow: random.chance(0.08) ? Math.max(0, n - random.below(KEPT_BLOBS)) : 0,
    rollbackFirst: random.chance(0.15),
    upkeep: random.chance(0.02) ? "vacuum" : random.chance(0.1) ? "pragma incremental_vacuum(3)" : "",
  };
}

/** Bytes that do not compress, by number. */
export function blobOf(seed: number, n: number, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : createHash("shake256", { outputLength: length }).update(`${seed}:${n}`).digest();
}
