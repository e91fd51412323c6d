import type { Random } from "@headwater/core";

const FIRST_MS = 100;
const MAX_MS = 30_000;

/** How long to wait after the `failures`th failure in a row (from 1): doubling, with the upper half random. */
export function backoffMs(failures: number, random: Random): number {
  const full = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.ceil(full / 2 + (full / 2) * (random.nextU32() / 2 ** 32));
}
