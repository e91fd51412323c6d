import type { ContenderName } from "./child/protocol.js";
import type { ScenarioResult } from "./run/results.js";
import type { Summary } from "./run/statistics.js";
import type { Comparison, Target } from "./targets.js";

export interface Verdict {
  readonly target: Target;
  /** `not measured` where a result that is needed is not there. */
  readonly outcome: "met" | "missed" | "not measured";
  /** What was compared, in the target's terms: a value, or how many times. */
  readonly measured?: number;
  readonly bound: number;
  /** The comparison in words. */
  readonly text: string;
}

/** Counts don't spread as times do, so all of them have to hold; and a worst case is one. */
const COUNTS = /^(requests|roundTrips|bytes)|Worst/;

/** Holds results against targets. Only targets whose scenario is among the results are looked at. */
export function checkTargets(targets: readonly Target[], results: readonly ScenarioResult[]): readonly Verdict[] {
  const find = (scenario: string, name: string, contender: ContenderName, metric: string): number | undefined => {
    const found = results.find((result) => result.scenario === scenario)?.cases.find((case_) => case_.name === name);
    const summary = found?.contenders[contender]?.metrics[metric];
    return summary === undefined ? undefined : figureOf(metric, summary);
  };
  return targets.filter(({ scenario }) => results.some((result) => result.scenario === scenario)).map((target) => verdictOn(target, find));
}

function figureOf(metric: string, summary: Summary): number {
  return COUNTS.test(metric) ? summary.max : summary.p50;
}

type Find = (scenario: string, name: string, contender: ContenderName, metric: string) => number | undefined;

function verdictOn(target: Target, find: Find): Verdict {
  const { comparison, metric, scenario, case: case_, contender = "headwater" } = target;
  const own = find(scenario, case_, contender, metric);
  const { measured, bound, atLeast, text } = compare(comparison, own, {
    by: (other) => find(scenario, case_, other, metric),
    inCase: (other, name) => find(scenario, other, contender, name),
  });
  if (measured === undefined || Number.isNaN(measured)) return { target, outcome: "not measured", bound, text };
  return { target, outcome: (atLeast ? measured >= bound : measured <= bound) ? "met" : "missed", measured, bound, text };
}

interface Compared {
  readonly measured: number | undefined;
  readonly bound: number;
  readonly atLeast: boolean;
  readonly text: string;
}

interface Others {
  /** The same value of another contender. */
  by(contender: ContenderName): number | undefined;
  /** Another value of the same contender. */
  inCase(name: string, metric: string): number | undefined;
}

function compare(comparison: Comparison, own: number | undefined, others: Others): Compared {
  if ("atMost" in comparison) return { measured: own, bound: comparison.atMost, atLeast: false, text: "at most" };
  if ("atLeast" in comparison) return { measured: own, bound: comparison.atLeast, atLeast: true, text: "at least" };
  if ("timesFasterThan" in comparison) {
    const { timesFasterThan: whom, times } = comparison;
    return { measured: ratio(others.by(whom), own), bound: times, atLeast: true, text: `times faster than ${whom}, at least` };
  }
  if ("timesTheRateOf" in comparison) {
    const { timesTheRateOf: whom, times } = comparison;
    return { measured: ratio(own, others.by(whom)), bound: times, atLeast: true, text: `times the rate of ${whom}, at least` };
  }
  const [what, base] =
    "of" in comparison
      ? [`that of ${comparison.of}`, others.by(comparison.of)]
      : [`the one of ${comparison.ofCase}`, others.inCase(comparison.ofCase, comparison.ofMetric)];
  return { measured: ratio(own, base), bound: comparison.atMostTimes, atLeast: false, text: `times ${what}, at most` };
}

function ratio(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined ? undefined : value / by;
}
