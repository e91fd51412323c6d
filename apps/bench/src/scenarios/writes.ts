import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { rowInMiddle } from "./ids.js";

const WRITERS = ["headwater", "peer", "local"] as const;

const paced = (latencyMs: number, seconds: number): Case => ({
  scenario: "write-latency",
  name: `${latencyMs} ms`,
  replica: REPLICAS.mb1,
  network: { latencyMs },
  program: "paced-commits",
  contenders: WRITERS,
  runsMax: { headwater: 3, peer: 3, local: 3 },
  mode: { write: true },
  // Often, so that some upload is under way most of the time.
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), seconds, perSecond: 1000, syncIntervalMs: 100 }),
});

export const writeLatency: Scenario = {
  name: "write-latency",
  title: "Commits while uploads are under way",
  about:
    "One row is updated in its place 1,000 times a second, each time in a transaction of its own, through Headwater's `openSync()` and better-sqlite3, while what is committed is " +
    "uploaded every 100 ms. Each commit is timed from its call to its return; the quantiles are those of one run, and the median of the runs is shown. `late` commits began more than 1 ms after " +
    "their time. The local file is in WAL mode with synchronous=NORMAL. Where the peer failed, a row that it had just written read as something else, or its database as malformed.",
  headline: "commitP99Ms",
  columns: ["requestsPUT", "commitMs", "commitP99Ms", "commitP999Ms", "commitWorstMs", "late"],
  cases: (quick) => (quick ? [paced(25, 2)] : [paced(25, 10), paced(200, 10), paced(2000, 10)]),
};

const rate = (replica: ReplicaSpec, seconds: number): Case => ({
  scenario: "write-rate",
  name: `${replica.title}, autocommit`,
  replica,
  network: { latencyMs: 0 },
  program: "autocommit",
  contenders: WRITERS,
  mode: { write: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), seconds }),
});

const bulk = (rows: number): Case => ({
  scenario: "write-rate",
  name: `1 MB, ${rows.toLocaleString("en-US")} rows in one transaction`,
  replica: REPLICAS.mb1,
  network: { latencyMs: 0 },
  program: "bulk-insert",
  contenders: WRITERS,
  mode: { write: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), rows }),
});

export const writeRate: Scenario = {
  name: "write-rate",
  title: "Writes as fast as they go",
  about:
    "Without latency, with an upload a second: rows are updated in their places, each in a transaction of its own; and rows of about 100 bytes are inserted into a table of their own " +
    "in one transaction, commit included. Through `openSync()` and better-sqlite3; the local file is in WAL mode with synchronous=NORMAL.",
  headline: "writesPerSecond",
  higherIsBetter: true,
  columns: ["writesPerSecond", "peakBytes"],
  cases: (quick) => (quick ? [rate(REPLICAS.mb1, 1), bulk(20_000)] : [rate(REPLICAS.mb1, 3), rate(REPLICAS.mb512, 3), bulk(100_000)]),
};
