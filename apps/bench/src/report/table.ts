import { markdownTable } from "markdown-table";
import { CONTENDERS, type ContenderName } from "../child/protocol.js";
import type { CaseResult, ContenderResult, ScenarioResult } from "../run/results.js";
import type { Summary } from "../run/statistics.js";
import { formatMetric, formatTimes, metricTitle } from "./format.js";

export const CONTENDER_TITLES: Readonly<Record<ContenderName, string>> = {
  headwater: "Headwater",
  peer: "litestream-vfs",
  download: "download, then open",
  local: "local file (floor)",
};

/** A scenario as one table in Markdown, which reads well in a terminal too: one row a contender and case. */
export function scenarioTable(result: ScenarioResult): string {
  const { columns, headline } = result;
  const head = ["database", "contender", ...columns.flatMap((metric) => headsOf(metric, headline)), "ratio to the peer", "runs"];
  const rows = result.cases.flatMap((case_) =>
    CONTENDERS.flatMap((name) => {
      const found = case_.contenders[name];
      if (found === undefined) return [];
      const ratio = ratioToPeer(case_, found, headline, result.higherIsBetter);
      const cells = columns.flatMap((metric) => cellsOf(metric, headline, found.metrics[metric]));
      return [[case_.name, CONTENDER_TITLES[name], ...cells, ratio, String(runsOf(found))]];
    }),
  );
  return markdownTable([head, ...rows], { align: ["l", "l", ...head.slice(2).map(() => "r")] });
}

/** What was left out, and why; empty where nothing was. */
export function leftOutLines(result: ScenarioResult): readonly string[] {
  return result.cases.flatMap((case_) =>
    Object.entries(case_.leftOut).map(([name, reason]) => `${case_.name}: ${CONTENDER_TITLES[name as ContenderName]} left out: ${reason}`),
  );
}

/** The headline with its spread, of the others the median. */
function headsOf(metric: string, headline: string): readonly string[] {
  const title = metricTitle(metric);
  return metric === headline ? [`${title}, p50`, "p99", "min–max"] : [title];
}

function cellsOf(metric: string, headline: string, summary: Summary | undefined): readonly string[] {
  if (metric !== headline) return [summary === undefined ? "" : formatMetric(metric, summary.p50)];
  if (summary === undefined) return ["", "", ""];
  const { p50, p99, min, max } = summary;
  return [formatMetric(metric, p50), formatMetric(metric, p99), `${formatMetric(metric, min)}–${formatMetric(metric, max)}`];
}

function runsOf(found: ContenderResult): number {
  return Math.max(...Object.values(found.metrics).map(({ runs }) => runs));
}

/** Above 1: better than the peer. */
function ratioToPeer(case_: CaseResult, found: ContenderResult, headline: string, higherIsBetter: boolean): string {
  const [own, peer] = [found.metrics[headline]?.p50, case_.contenders.peer?.metrics[headline]?.p50];
  if (own === undefined || peer === undefined) return "";
  return formatTimes(higherIsBetter ? own / peer : peer / own);
}
