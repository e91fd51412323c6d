import { parseArgs } from "node:util";
import { CONTENDERS, type ContenderName } from "./child/protocol.js";
import { GROUPS, SCENARIOS } from "./scenarios/all.js";

export interface BenchOptions {
  readonly scenarios: readonly string[];
  readonly quick: boolean;
  readonly check: boolean;
  readonly help: boolean;
  /** Results are written to `results/` and into the report. */
  readonly report: boolean;
  readonly runs: number;
  /** All if absent. */
  readonly contenders?: readonly ContenderName[];
  /** Instead of a scenario's own. */
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  readonly cache?: string;
}

const RUNS_DEFAULT = 7;
const RUNS_QUICK = 3;

export const USAGE: string = `usage: npm run bench [-- SCENARIO... [options]]
scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}; groups: ${Object.keys(GROUPS).join(", ")}; all if none is named
  --quick          small databases, few runs: two minutes at most; leaves the report alone
  --check          exit status 1 where a target is missed or was not measured
  --no-report      leaves results/ and the report alone
  --runs N         runs of each contender (${RUNS_DEFAULT}; --quick ${RUNS_QUICK})
  --only NAME      one contender: ${CONTENDERS.join(", ")}; may be repeated; leaves the report alone
  --latency MS     of the network, in place of each scenario's own
  --bandwidth MB   a second and connection, in place of each scenario's own
  --cache DIR      where the databases are kept (apps/bench/.cache)
  --help`;

/** @throws {TypeError} for what the command line does not know. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      "no-report": { type: "boolean", default: false },
      runs: { type: "string" },
      only: { type: "string", multiple: true },
      latency: { type: "string" },
      bandwidth: { type: "string" },
      cache: { type: "string" },
    },
  });
  const known = SCENARIOS.map(({ name }) => name);
  const named = positionals.flatMap((name) => GROUPS[name] ?? [name]);
  for (const name of named) if (!known.includes(name)) throw new TypeError(`no such scenario: ${name}; there are ${known.join(", ")}`);
  const runs = numberOf("runs", values.runs, 1) ?? (values.quick ? RUNS_QUICK : RUNS_DEFAULT);
  const contenders = values.only?.map(contenderOf);
  const [latencyMs, bandwidth] = [numberOf("latency", values.latency, 0), numberOf("bandwidth", values.bandwidth, 0.001)];
  return {
    scenarios: named.length === 0 ? known : known.filter((name) => named.includes(name)),
    quick: values.quick,
    check: values.check,
    help: values.help,
    // The report compares, so it needs all of them.
    report: !values.quick && !values["no-report"] && contenders === undefined,
    runs,
    ...(contenders === undefined ? {} : { contenders }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(bandwidth === undefined ? {} : { bytesPerSecond: bandwidth * 1e6 }),
    ...(values.cache === undefined ? {} : { cache: values.cache }),
  };
}

function contenderOf(name: string): ContenderName {
  const found = CONTENDERS.find((known) => known === name);
  if (found === undefined) throw new TypeError(`no such contender: ${name}; there are ${CONTENDERS.join(", ")}`);
  return found;
}

function numberOf(name: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !(value >= min)) throw new TypeError(`--${name} must be a number from ${min} up: ${text}`);
  return value;
}
