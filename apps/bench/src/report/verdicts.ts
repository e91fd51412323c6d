import { markdownTable } from "markdown-table";
import type { Verdict } from "../check.js";
import { formatMetric, formatTimes } from "./format.js";

/** One line a target, with what was measured. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => {
    const { target, text, bound, measured, outcome } = verdict;
    const write =
      "atMost" in target.comparison || "atLeast" in target.comparison ? (value: number) => formatMetric(target.metric, value) : formatTimes;
    return [
      target.name,
      `${text} ${write(bound)}`,
      measured === undefined ? "" : write(measured),
      outcome === "missed" ? "**missed**" : outcome,
    ];
  });
  return markdownTable([["target", "must reach", "measured", ""], ...rows], { align: ["l", "l", "r", "l"] });
}
