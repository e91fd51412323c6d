import { describe, expect, it } from "vitest";
import { parseOptions } from "../src/options.js";
import { SCENARIOS } from "../src/scenarios/all.js";

describe("the command line", () => {
  it("runs all scenarios seven times by default", () => {
    expect(parseOptions([])).toMatchObject({
      scenarios: SCENARIOS.map(({ name }) => name),
      runs: 7,
      quick: false,
      check: false,
      report: true,
    });
  });

  it("takes scenarios and options", () => {
    const options = parseOptions(["cold-start", "--quick", "--check", "--latency", "200", "--bandwidth", "20"]);
    expect(options).toMatchObject({ scenarios: ["cold-start"], quick: true, check: true, runs: 3, latencyMs: 200, bytesPerSecond: 20e6 });
  });

  it("leaves the report alone in a quick run, and when told so", () => {
    expect(parseOptions(["--quick"]).report).toBe(false);
    expect(parseOptions(["scan", "--no-report"]).report).toBe(false);
  });

  it("takes contenders, and leaves the report alone then", () => {
    expect(parseOptions(["--only", "headwater", "--only", "local"])).toMatchObject({ contenders: ["headwater", "local"], report: false });
    expect(() => parseOptions(["--only", "other"])).toThrow(/no such contender/);
  });

  it("knows groups of scenarios", () => {
    expect(parseOptions(["reads", "scan"]).scenarios).toEqual(["scan", "random-reads", "neighbour-reads"]);
  });

  it("refuses what it does not know", () => {
    for (const args of [["warm-start"], ["--fast"], ["--runs", "0"], ["--runs", "x"], ["--latency", ""]]) {
      expect(() => parseOptions(args), args.join(" ")).toThrow(TypeError);
    }
  });
});
