import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkTargets } from "../src/check.js";
import { scenarioChart } from "../src/report/chart.js";
import { formatMetric, formatTimes } from "../src/report/format.js";
import { updateReadme } from "../src/report/readme.js";
import { leftOutLines, scenarioTable } from "../src/report/table.js";
import { verdictTable } from "../src/report/verdicts.js";
import { summarize } from "../src/run/statistics.js";
import { resultOf } from "./support/results.js";

const result = resultOf({
  headwater: [
    { firstRowMs: 100, requests: 7 },
    { firstRowMs: 140, requests: 7 },
    { firstRowMs: 120, requests: 7 },
  ],
  peer: [{ firstRowMs: 300, requests: 16 }],
});

describe("statistics", () => {
  it("gives the median and the ends of what was measured", () => {
    expect(summarize([5, 1, 3])).toEqual({ runs: 3, min: 1, p50: 3, p99: 4.96, max: 5 });
    expect(summarize([4])).toEqual({ runs: 1, min: 4, p50: 4, p99: 4, max: 4 });
    expect(summarize(Array.from({ length: 1000 }, (_, n) => n))).toMatchObject({ p50: 499.5, max: 999 });
  });
});

describe("the table", () => {
  it("has a row a contender, with spread, runs and the ratio to the peer", () => {
    const lines = scenarioTable(result).split("\n");
    expect(lines).toHaveLength(4);
    const cells = (line = ""): readonly string[] => line.split("|").map((cell) => cell.trim());
    expect(cells(lines[2]).slice(1, -1)).toEqual(["1 MB", "Headwater", "7", "120 ms", "140 ms", "100 ms–140 ms", "2.5×", "3"]);
    expect(cells(lines[3]).slice(1, -1)).toEqual(["1 MB", "litestream-vfs", "16", "300 ms", "300 ms", "300 ms–300 ms", "1.0×", "1"]);
  });

  it("says what was left out", () => {
    expect(leftOutLines(result)).toEqual(["1 MB: download, then open left out: no reason"]);
  });

  it("writes values in their unit", () => {
    expect(formatMetric("firstRowMs", 0.0123)).toBe("0.012 ms");
    expect(formatMetric("firstRowMs", 54_321)).toBe("54.3 s");
    expect(formatMetric("peakBytes", 12_340_000)).toBe("12.3");
    expect(formatMetric("commitsPerSecond", 12_345.6)).toBe("12,346");
    expect(formatMetric("requests", 1005)).toBe("1,005");
    expect(formatTimes(1234.5)).toBe("1235×");
    expect(formatTimes(0.87)).toBe("0.87×");
  });
});

describe("the chart", () => {
  it("is one SVG that shows every contender and value", () => {
    const svg = scenarioChart(result);
    expect(svg).toMatch(/^<svg[^>]* xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    for (const text of ["Headwater", "litestream-vfs", "120 ms", "300 ms", "Cold start"]) expect(svg).toContain(text);
    expect(svg).not.toContain("local file");
    expect(svg).not.toMatch(/NaN|undefined/);
  });
});

describe("the report", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), "headwater-bench-test-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("replaces what is between the markers, and nothing else", () => {
    const file = path.join(dir, "README.md");
    writeFileSync(file, "before\n<!-- report -->\nstale text\n<!-- /report -->\nafter\n");
    updateReadme(file, [result]);
    const once = readFileSync(file, "utf8");
    updateReadme(file, [result]);
    expect(readFileSync(file, "utf8")).toBe(once);
    expect(once).toMatch(/^before\n<!-- report -->\n/);
    expect(once).toMatch(/<!-- \/report -->\nafter\n$/);
    expect(once).not.toContain("stale text");
    expect(once).toContain("commit abc1234");
    expect(once).toContain("results/cold-start.svg");
  });

  it("refuses a file without markers", () => {
    const file = path.join(dir, "README.md");
    writeFileSync(file, "text");
    expect(() => updateReadme(file, [])).toThrow(/markers/);
  });

  it("shows each target with what was measured", () => {
    const [target] = checkTargets(
      [{ name: "fast", scenario: "cold-start", case: "1 MB", metric: "firstRowMs", comparison: { timesFasterThan: "peer", times: 3 } }],
      [result],
    );
    expect(target).toBeDefined();
    expect(verdictTable(target === undefined ? [] : [target])).toMatch(/fast .*at least 3\.0× .*2\.5× .*\*\*missed\*\*/);
  });
});
