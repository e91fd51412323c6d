import { quantileSorted } from "simple-statistics";

/** Quantiles of many values. */
export function quantilesOf(values: Float64Array, at: readonly number[]): readonly number[] {
  const sorted = [...values.toSorted()];
  return at.map((p) => quantileSorted(sorted, p));
}
