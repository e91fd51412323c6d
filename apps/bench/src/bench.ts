import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { checkTargets, type Verdict } from "./check.js";
import { CONTENDERS } from "./child/protocol.js";
import type { BenchOptions } from "./options.js";
import { SlowProxy } from "./proxy/slow-proxy.js";
import { prepareReplica } from "./replicas/replica.js";
import { scenarioChart } from "./report/chart.js";
import { formatMetric } from "./report/format.js";
import { describe, updateReadme } from "./report/readme.js";
import { CONTENDER_TITLES, leftOutLines, scenarioTable } from "./report/table.js";
import { verdictTable } from "./report/verdicts.js";
import { Budget } from "./run/budget.js";
import type { Case, Scenario } from "./run/case.js";
import { type Contenders, findContenders } from "./run/contenders.js";
import { describeMachine, type Machine } from "./run/machine.js";
import type { CaseResult, ScenarioResult } from "./run/results.js";
import { type CaseSetup, runCase } from "./run/run-case.js";
import { SCENARIOS } from "./scenarios/all.js";
import { Bucket } from "./store/bucket.js";
import { s3Store } from "./store/s3-store.js";
import { TARGETS } from "./targets.js";

const APP = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
/** Of two minutes: the last round may take longer than there is left. */
const QUICK_MS = 100_000;
const RESULTS = path.join(APP, "results");

/** @returns The exit status. */
export async function runBench(options: BenchOptions): Promise<number> {
  const cache = path.resolve(options.cache ?? path.join(APP, ".cache"));
  const machine = describeMachine(APP);
  const contenders = findContenders(cache);
  console.log(describe(machine));
  for (const name of CONTENDERS)
    if (contenders.missing[name] !== undefined) console.log(`${CONTENDER_TITLES[name]} is left out: ${contenders.missing[name]}`);
  const bucket = new Bucket();
  const proxy = await SlowProxy.listen(s3Store(bucket));
  const results: ScenarioResult[] = [];
  try {
    const scenarios = SCENARIOS.filter(({ name }) => options.scenarios.includes(name));
    const cases = scenarios.reduce((sum, scenario) => sum + scenario.cases(options.quick).length, 0);
    const budget = options.quick ? new Budget(QUICK_MS, cases) : undefined;
    for (const scenario of scenarios) {
      const result = await runScenario(scenario, { options, cache, machine, contenders, bucket, proxy, budget });
      results.push(result);
      keep(result, options, cache);
    }
  } finally {
    await proxy.close();
  }
  return check(results, options);
}

interface Bench {
  readonly options: BenchOptions;
  readonly cache: string;
  readonly machine: Machine;
  readonly contenders: Contenders;
  readonly bucket: Bucket;
  readonly proxy: SlowProxy;
  /** Of a quick run. */
  readonly budget: Budget | undefined;
}

async function runScenario(scenario: Scenario, bench: Bench): Promise<ScenarioResult> {
  const { options, machine } = bench;
  console.log(`\n${scenario.title}`);
  const cases: CaseResult[] = [];
  for (const case_ of scenario.cases(options.quick)) cases.push(await measure(case_, scenario, bench));
  const { name, title, about, headline, columns, higherIsBetter = false } = scenario;
  const result = { scenario: name, title, about, headline, columns, higherIsBetter, quick: options.quick, machine, cases };
  console.log(`\n${scenarioTable(result)}`);
  for (const line of leftOutLines(result)) console.log(line);
  return result;
}

async function measure(
  case_: Case,
  scenario: Scenario,
  { options, cache, machine, contenders, bucket, proxy, budget }: Bench,
): Promise<CaseResult> {
  const { latencyMs = case_.network.latencyMs, bytesPerSecond = case_.network.bytesPerSecond } = options;
  const network = bytesPerSecond === undefined ? { latencyMs } : { latencyMs, bytesPerSecond };
  const replica = await prepareReplica(case_.replica, cache);
  return await runCase(
    { ...case_, network },
    {
      replica,
      bucket,
      proxy,
      contenders,
      runs: options.runs,
      bareNodeBytes: machine.bareNodeBytes,
      ...shareOf(budget, options),
      onFailure: (contender, error) => console.error(`  ${case_.name}: ${CONTENDER_TITLES[contender]} failed: ${(error as Error).message}`),
      onRun: (contender, run, metrics) => {
        const shown = [scenario.headline, ...scenario.columns.filter((name) => name.endsWith("Ms"))].find(
          (name) => metrics[name] !== undefined,
        );
        const text = shown === undefined ? "" : formatMetric(shown, metrics[shown] ?? 0);
        console.log(`  ${case_.name.padEnd(24)} ${CONTENDER_TITLES[contender].padEnd(20)} ${String(run + 1).padStart(2)}  ${text}`);
      },
    },
  );
}

/** Until when, and whom not. */
function shareOf(budget: Budget | undefined, { contenders }: BenchOptions): Partial<CaseSetup> {
  const share = budget?.next();
  const unwanted = contenders === undefined ? [] : CONTENDERS.filter((name) => !contenders.includes(name));
  return { ...share, leaveOut: { ...share?.leaveOut, ...Object.fromEntries(unwanted.map((name) => [name, "not asked for"])) } };
}

/** A quick run is for looking, so the report keeps what it has. */
function keep(result: ScenarioResult, { report }: BenchOptions, cache: string): void {
  const dir = report ? RESULTS : path.join(cache, "results");
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(path.join(dir, `${result.scenario}.svg`), scenarioChart(result));
  if (report) updateReadme(path.join(APP, "README.md"), storedResults());
}

/** Of all scenarios that were ever run here, each when it was run last. */
function storedResults(): readonly ScenarioResult[] {
  return SCENARIOS.flatMap(({ name }) => {
    const file = path.join(RESULTS, `${name}.json`);
    return existsSync(file) ? [JSON.parse(readFileSync(file, "utf8")) as ScenarioResult] : [];
  });
}

function check(results: readonly ScenarioResult[], options: BenchOptions): number {
  // The databases of a quick run are smaller, so most targets say nothing of them.
  const verdicts = checkTargets(TARGETS, results).filter(({ outcome }) => !(options.quick && outcome === "not measured"));
  if (verdicts.length > 0) console.log(`\n${verdictTable(verdicts)}`);
  const of = (outcome: Verdict["outcome"]): number => verdicts.filter((verdict) => verdict.outcome === outcome).length;
  console.log(`\ntargets: ${of("met")} met, ${of("missed")} missed, ${of("not measured")} not measured`);
  const failed = results.some(({ cases }) => cases.some((case_) => case_.failed.includes("headwater")));
  return failed || (options.check && of("met") < verdicts.length) ? 1 : 0;
}
