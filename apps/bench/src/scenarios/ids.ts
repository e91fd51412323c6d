import { randomOf } from "../replicas/rows.js";

interface Rows {
  readonly rows: number;
}

/** A row somewhere, another one in each run. */
export function rowInMiddle({ rows }: Rows, run: number): number {
  return 1 + Math.floor(randomOf(1000 + run)() * rows);
}

/** Rows anywhere. */
export function randomRows({ rows }: Rows, count: number, run: number): readonly number[] {
  const random = randomOf(2000 + run);
  return Array.from({ length: count }, () => 1 + Math.floor(random() * rows));
}

/** Rows one after the other, from somewhere. */
export function neighbouringRows({ rows }: Rows, count: number, run: number): readonly number[] {
  const first = 1 + Math.floor(randomOf(3000 + run)() * Math.max(1, rows - count));
  return Array.from({ length: Math.min(count, rows) }, (_, n) => first + n);
}
