import { readFileSync, writeFileSync } from "node:fs";
import { checkTargets } from "../check.js";
import type { Machine } from "../run/machine.js";
import type { ScenarioResult } from "../run/results.js";
import { TARGETS } from "../targets.js";
import { leftOutLines, scenarioTable } from "./table.js";
import { verdictTable } from "./verdicts.js";

const START = "<!-- report -->";
const END = "<!-- /report -->";

/** Puts the report between the markers of the README. @throws {Error} where there are none. */
export function updateReadme(file: string, results: readonly ScenarioResult[]): void {
  const text = readFileSync(file, "utf8");
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`${file} has no markers for the report`);
  writeFileSync(file, `${text.slice(0, start + START.length)}\n\n${reportOf(results)}\n\n${text.slice(end)}`);
}

export function reportOf(results: readonly ScenarioResult[]): string {
  return ["## Targets", verdictTable(checkTargets(TARGETS, results)), ...results.map(sectionOf)].join("\n\n");
}

function sectionOf(result: ScenarioResult): string {
  const { scenario, title, about, machine } = result;
  const leftOut = leftOutLines(result).map((line) => `- ${line}`);
  return [
    `## ${title}`,
    about,
    `![${title}](results/${scenario}.svg)`,
    scenarioTable(result),
    ...(leftOut.length === 0 ? [] : [leftOut.join("\n")]),
    `${describe(machine)} Raw: [results/${scenario}.json](results/${scenario}.json). Again: \`npm run bench -- ${scenario}\`.`,
  ].join("\n\n");
}

export function describe({ date, commit, modified, cores, cpu, memoryBytes, system, load, versions, bareNodeBytes }: Machine): string {
  const packages = Object.entries(versions)
    .filter(([name]) => name !== "headwater")
    .map(([name, version]) => `${name} ${version}`);
  return (
    `Ran ${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}${modified ? " with changes" : ""}. ${cores} × ${cpu}, ` +
    `${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}, load average ${load.toFixed(1)}. ${packages.join(", ")}; ` +
    `\`node -e 0\` takes ${(bareNodeBytes / 1e6).toFixed(1)} MB.`
  );
}
