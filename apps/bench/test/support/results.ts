import type { ContenderName } from "../../src/child/protocol.js";
import type { ScenarioResult } from "../../src/run/results.js";
import { summarizeRuns } from "../../src/run/statistics.js";

type Runs = readonly Readonly<Record<string, number>>[];

/** Results as of one case of cold-start, from the metrics of each run. */
export function resultOf(contenders: Readonly<Partial<Record<ContenderName, Runs>>>, caseName = "1 MB"): ScenarioResult {
  const entries = Object.entries(contenders).map(([name, runs]) => [name, { metrics: summarizeRuns(runs) }]);
  return {
    scenario: "cold-start",
    title: "Cold start",
    about: "About.",
    headline: "firstRowMs",
    higherIsBetter: false,
    columns: ["requests", "firstRowMs"],
    quick: false,
    machine: {
      date: "2026-11-25T08:00:00.000Z",
      commit: "abc1234",
      modified: false,
      cpu: "a processor",
      cores: 2,
      memoryBytes: 2 ** 34,
      system: "Linux",
      load: 0.1,
      versions: { node: "20.20.2" },
      bareNodeBytes: 40e6,
    },
    cases: [
      {
        name: caseName,
        latencyMs: 25,
        databaseBytes: 1e6,
        contenders: Object.fromEntries(entries),
        leftOut: { download: "no reason" },
        failed: [],
      },
    ],
  };
}
