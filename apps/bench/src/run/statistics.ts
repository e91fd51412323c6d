import { max, min, quantile } from "simple-statistics";
import type { Metrics } from "./run-child.js";

/** Of one metric over the runs. */
export interface Summary {
  readonly runs: number;
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** @param values - At least one. */
export function summarize(values: readonly number[]): Summary {
  const list = [...values];
  return { runs: list.length, min: min(list), p50: quantile(list, 0.5), p99: quantile(list, 0.99), max: max(list) };
}

/** Metrics that not every run has are summarized over those that have them. */
export function summarizeRuns(runs: readonly Metrics[]): Record<string, Summary> {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  const entries = [...names].map((name) => {
    const values = runs.flatMap((run) => (run[name] === undefined ? [] : [run[name]]));
    return [name, summarize(values)] as const;
  });
  return Object.fromEntries(entries);
}
