import { describe, expect, it } from "vitest";
import { checkTargets } from "../src/check.js";
import { SCENARIOS } from "../src/scenarios/all.js";
import { type Comparison, TARGETS, type Target } from "../src/targets.js";
import { resultOf } from "./support/results.js";

const target = (metric: string, comparison: Comparison): Target => ({
  name: "t",
  scenario: "cold-start",
  case: "1 MB",
  metric,
  comparison,
});
const results = [
  resultOf({
    headwater: [
      { firstRowMs: 100, requests: 7, rate: 30 },
      { firstRowMs: 120, requests: 9, rate: 30 },
      { firstRowMs: 500, requests: 7, rate: 30 },
    ],
    peer: [{ firstRowMs: 300, requests: 16, rate: 10 }],
  }),
];
const outcome = (metric: string, comparison: Comparison) => {
  const [verdict] = checkTargets([target(metric, comparison)], results);
  return [verdict?.outcome, verdict?.measured];
};

describe("targets", () => {
  it("compares medians of times", () => {
    expect(outcome("firstRowMs", { atMost: 120 })).toEqual(["met", 120]);
    expect(outcome("firstRowMs", { atMost: 119 })).toEqual(["missed", 120]);
    expect(outcome("firstRowMs", { timesFasterThan: "peer", times: 2.5 })).toEqual(["met", 2.5]);
    expect(outcome("firstRowMs", { timesFasterThan: "peer", times: 2.6 })).toEqual(["missed", 2.5]);
  });

  it("holds the largest of all counts against its bound", () => {
    expect(outcome("requests", { atMost: 8 })).toEqual(["missed", 9]);
    expect(outcome("requests", { atMost: 9 })).toEqual(["met", 9]);
  });

  it("knows rates, and bounds relative to another's value or an own one", () => {
    expect(outcome("rate", { timesTheRateOf: "peer", times: 3 })).toEqual(["met", 3]);
    expect(outcome("rate", { atLeast: 31 })).toEqual(["missed", 30]);
    expect(outcome("firstRowMs", { atMostTimes: 1, of: "peer" })).toEqual(["met", 0.4]);
    expect(outcome("firstRowMs", { atMostTimes: 3, ofCase: "1 MB", ofMetric: "rate" })).toEqual(["missed", 4]);
  });

  it("says where something was not measured, and leaves out scenarios that were not run", () => {
    expect(outcome("scanMs", { atMost: 1 })).toEqual(["not measured", undefined]);
    expect(outcome("firstRowMs", { timesFasterThan: "download", times: 1 })).toEqual(["not measured", undefined]);
    expect(checkTargets([{ ...target("firstRowMs", { atMost: 1 }), scenario: "scan" }], results)).toEqual([]);
  });

  it("name scenarios, cases and contenders that exist, once each", () => {
    for (const { scenario, case: name, comparison } of TARGETS) {
      const cases = SCENARIOS.find((found) => found.name === scenario)?.cases(false) ?? [];
      const found = cases.find((case_) => case_.name === name);
      expect(found, `${scenario}: ${name}`).toBeDefined();
      if ("ofCase" in comparison) expect(cases.map((case_) => case_.name)).toContain(comparison.ofCase);
      if ("timesFasterThan" in comparison) expect(found?.contenders).toContain(comparison.timesFasterThan);
    }
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  });
});
