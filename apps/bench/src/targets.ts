import type { ContenderName } from "./child/protocol.js";

/** What a measured value is compared with. Times compare medians, counts their largest value. */
export type Comparison =
  /** At most (or at least) a value, in the metric's own unit. */
  | { readonly atMost: number }
  | { readonly atLeast: number }
  /** The peer's median is at least so many times Headwater's: for times. */
  | { readonly timesFasterThan: ContenderName; readonly times: number }
  /** Headwater's median is at least so many times the other's: for rates. */
  | { readonly timesTheRateOf: ContenderName; readonly times: number }
  /** At most so many times another one's value of the same metric. */
  | { readonly atMostTimes: number; readonly of: ContenderName }
  /** At most so many times Headwater's own value in another case of the scenario. */
  | { readonly atMostTimes: number; readonly ofCase: string; readonly ofMetric: string };

export interface Target {
  /** Issue number and what it says. */
  readonly name: string;
  readonly scenario: string;
  readonly case: string;
  readonly metric: string;
  /** Whose value; `headwater` if absent. */
  readonly contender?: ContenderName;
  readonly comparison: Comparison;
}

const COLD_START = "cold-start";

/** One size of snapshot, opened cold. */
function snapshot(title: string): Target[] {
  const at = { scenario: COLD_START, case: title };
  return [
    { name: `open ${title}: dependent round trips`, ...at, metric: "roundTrips", comparison: { atMost: 5 } },
    { name: `open ${title}: requests`, ...at, metric: "requests", comparison: { atMost: 8 } },
    { name: `open ${title}: open to first row`, ...at, metric: "firstRowMs", comparison: { timesFasterThan: "peer", times: 2 } },
    {
      name: `open ${title}: process start to first row`,
      ...at,
      metric: "processStartMs",
      comparison: { timesFasterThan: "peer", times: 2 },
    },
  ];
}

function updated(title: string): Target[] {
  const at = { scenario: COLD_START, case: title };
  return [
    { name: `open ${title}: dependent round trips`, ...at, metric: "roundTrips", comparison: { atMost: 6 } },
    { name: `open ${title}: open to first row`, ...at, metric: "firstRowMs", comparison: { timesFasterThan: "peer", times: 20 } },
  ];
}

const WRITE = { scenario: "first-write", case: "64 MB", metric: "firstWriteMs" };
const FIRST_WRITE: readonly Target[] = [
  { name: "first write: beside the peer", ...WRITE, comparison: { timesFasterThan: "peer", times: 3 } },
  {
    name: "first write: beside the first row",
    ...WRITE,
    comparison: { atMostTimes: 1, ofCase: "64 MB, first row instead", ofMetric: "firstRowMs" },
  },
];

const SCAN = { scenario: "scan", case: "64 MB" };
const RANDOM = { scenario: "random-reads", case: "64 MB, 1000 reads" };
const READS: readonly Target[] = [
  { name: "scan of 64 MB, nothing local", ...SCAN, metric: "openAndScanMs", comparison: { timesFasterThan: "peer", times: 150 } },
  { name: "scan of 64 MB: requests", ...SCAN, metric: "requests", comparison: { atMost: 64 + 16 } },
  { name: "1000 random point reads", ...RANDOM, metric: "readsMs", comparison: { timesFasterThan: "peer", times: 2 } },
  { name: "1000 random point reads: requests", ...RANDOM, metric: "requests", comparison: { atMost: 480 } },
  {
    name: "1000 point reads of neighbouring keys",
    scenario: "neighbour-reads",
    case: "64 MB, 1000 reads",
    metric: "readsMs",
    comparison: { timesFasterThan: "peer", times: 20 },
  },
];

/** Commits a thousand times a second at one latency. */
function commitsAt(latency: string): Target[] {
  const at = { scenario: "write-latency", case: latency };
  return [
    { name: `commits at ${latency}: p99`, ...at, metric: "commitP99Ms", comparison: { atMost: 1 } },
    { name: `commits at ${latency}: p99.9`, ...at, metric: "commitP999Ms", comparison: { atMost: 5 } },
    { name: `commits at ${latency}: worst`, ...at, metric: "commitWorstMs", comparison: { atMost: 50 } },
  ];
}

const RATE = { scenario: "write-rate", metric: "writesPerSecond" };
const WRITE_RATES: readonly Target[] = [
  { name: "autocommit, 1 MB", ...RATE, case: "1 MB, autocommit", comparison: { timesTheRateOf: "peer", times: 8 } },
  { name: "autocommit, 512 MB", ...RATE, case: "512 MB, autocommit", comparison: { timesTheRateOf: "peer", times: 40 } },
  {
    name: "bulk insert",
    ...RATE,
    case: "1 MB, 100,000 rows in one transaction",
    comparison: { timesTheRateOf: "peer", times: 0.9 },
  },
];

const FILL = { scenario: "hydration", metric: "hydrationBytesPerSecond" };
const LOCAL = { scenario: "hydrated-reads", metric: "pointReadsPerSecond" };
/** The excess is over twice the figure without hydration; one round trip is allowed. */
const BESIDE = { scenario: "hydration-latency", case: "512 MB, 25 ms" };
const HYDRATION: readonly Target[] = [
  { name: "hydration, 64 MB at 0 ms", ...FILL, case: "64 MB, 0 ms", comparison: { timesTheRateOf: "peer", times: 3 } },
  { name: "hydration, 512 MB at 0 ms", ...FILL, case: "512 MB, 0 ms", comparison: { timesTheRateOf: "peer", times: 3 } },
  {
    name: "hydration, 64 MB + 100 files at 25 ms",
    ...FILL,
    case: "64 MB + 100 files, 25 ms",
    comparison: { timesTheRateOf: "peer", times: 8 },
  },
  {
    name: "hydration, 20 MB/s a connection: five connections' worth",
    scenario: "hydration",
    case: "512 MB, 25 ms, 20 MB/s",
    metric: "receivedBytesPerSecond",
    comparison: { atLeast: 5 * 20e6 },
  },
  {
    name: "memory while hydrating 512 MB",
    scenario: "hydration",
    case: "512 MB, 0 ms",
    metric: "peakBytes",
    comparison: { atMostTimes: 1, of: "peer" },
  },
  { name: "reads while hydrating: p99", ...BESIDE, metric: "readExcessMs", comparison: { atMost: 25 } },
  { name: "commits while hydrating: p99", ...BESIDE, metric: "commitExcessMs", comparison: { atMost: 25 } },
  { name: "hydrated point reads, 64 MB: the peer", ...LOCAL, case: "64 MB", comparison: { timesTheRateOf: "peer", times: 15 } },
  { name: "hydrated point reads, 512 MB: the peer", ...LOCAL, case: "512 MB", comparison: { timesTheRateOf: "peer", times: 100 } },
  ...["64 MB", "512 MB"].flatMap((size): Target[] =>
    ["pointReadsPerSecond", "transactionReadsPerSecond", "scanBytesPerSecond"].map((metric) => ({
      name: `hydrated ${metric.replace(/(Bytes)?PerSecond/, "").replace(/R/, " r")}, ${size}: local file`,
      scenario: "hydrated-reads",
      case: size,
      metric,
      comparison: { timesTheRateOf: "local", times: 0.8 },
    })),
  ),
];

const HUGE = { scenario: "index-100gb", case: "100 GB (generated)" };

/** What this project promised itself, as data: `npm run bench -- --check` holds the results against it. */
export const TARGETS: readonly Target[] = [
  ...["1 MB", "64 MB", "512 MB"].flatMap(snapshot),
  ...["64 MB + 100 files", "512 MB + 100 files"].flatMap(updated),
  {
    name: "open 1000 files, no snapshot: open to first row",
    scenario: COLD_START,
    case: "1000 files, no snapshot",
    metric: "firstRowMs",
    comparison: { timesFasterThan: "peer", times: 25 },
  },
  ...FIRST_WRITE,
  ...READS,
  {
    name: "memory after opening 512 MB",
    scenario: "memory",
    case: "512 MB",
    metric: "peakBytes",
    comparison: { atMostTimes: 1, of: "peer" },
  },
  { name: "open 100 GB: time", ...HUGE, metric: "openMs", comparison: { atMost: 1000 } },
  { name: "open 100 GB: memory", ...HUGE, metric: "peakBytes", comparison: { atMost: 150e6 } },
  ...["25 ms", "200 ms", "2000 ms"].flatMap(commitsAt),
  ...WRITE_RATES,
  ...HYDRATION,
];
