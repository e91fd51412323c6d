import type { Network } from "../proxy/slow-proxy.js";
import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { randomRows, rowInMiddle } from "./ids.js";

const fill = (replica: ReplicaSpec, network: Network): Case => ({
  scenario: "hydration",
  name: [
    replica.title,
    `${network.latencyMs} ms`,
    ...(network.bytesPerSecond === undefined ? [] : [`${network.bytesPerSecond / 1e6} MB/s`]),
  ].join(", "),
  replica,
  network,
  program: "hydrate",
  contenders: ["headwater", "peer"],
  mode: { hydrate: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
});

/** Of one connection. */
const BYTES_PER_SECOND = 20e6;

export const hydration: Scenario = {
  name: "hydration",
  title: "Filling a local copy",
  about:
    "From the call to `openSync()` (the peer: connect) until all pages are said to be local; then every row is read and checked. The rate is that of the database's bytes, `received` that of " +
    "what came over the network, compressed. MB/s in a name: what one connection gets at most.",
  headline: "hydrationBytesPerSecond",
  higherIsBetter: true,
  columns: ["requests", "bytesOut", "hydrationMs", "hydrationBytesPerSecond", "receivedBytesPerSecond", "peakBytes"],
  cases: (quick) =>
    quick
      ? [fill(REPLICAS.mb8, { latencyMs: 0 }), fill(REPLICAS.mb8Updated, { latencyMs: 25 })]
      : [
          fill(REPLICAS.mb64, { latencyMs: 0 }),
          fill(REPLICAS.mb512, { latencyMs: 0 }),
          fill(REPLICAS.mb64, { latencyMs: 25 }),
          fill(REPLICAS.mb64Updated, { latencyMs: 25 }),
          fill(REPLICAS.mb512, { latencyMs: 25 }),
          fill(REPLICAS.mb512, { latencyMs: 25, bytesPerSecond: BYTES_PER_SECOND }),
        ],
};

const beside = (replica: ReplicaSpec, rows: number): Case => ({
  scenario: "hydration-latency",
  name: `${replica.title}, 25 ms`,
  replica,
  network: { latencyMs: 25 },
  program: "hydration-latency",
  contenders: ["headwater"],
  mode: { write: true, hydrate: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), ids: randomRows(manifest, 1000, run), rows }),
});

export const hydrationLatency: Scenario = {
  name: "hydration-latency",
  title: "Reads and commits while a local copy is filled",
  about:
    "Through `openSync()`, in turn: a row anywhere is read, one anywhere is updated; first 200 times without hydration, so that most reads go to the store, and then until everything is local. " +
    "`excess`: by how much the 99th percentile while hydrating is above twice the one before; one round trip is allowed. The peer's hydration can't be started by hand.",
  headline: "hydratingReadP99Ms",
  columns: ["readP99Ms", "hydratingReadP99Ms", "readExcessMs", "commitP99Ms", "hydratingCommitP99Ms", "commitExcessMs", "reads"],
  cases: (quick) => [quick ? beside(REPLICAS.mb8, 20) : beside(REPLICAS.mb512, 200)],
};

const reads = (replica: ReplicaSpec, seconds: number): Case => ({
  scenario: "hydrated-reads",
  name: replica.title,
  replica,
  network: { latencyMs: 0 },
  program: "local-reads",
  contenders: ["headwater", "peer", "local"],
  mode: { hydrate: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), ids: randomRows(manifest, 1000, run), seconds }),
});

export const hydratedReads: Scenario = {
  name: "hydrated-reads",
  title: "Reads once everything is local",
  about:
    "Through `openSync()` and better-sqlite3: 1,000 rows over and over by their keys, each in a transaction of its own (`point reads`) and all in one (`transaction reads`), and the sum over a column of all rows (`scan`).",
  headline: "pointReadsPerSecond",
  higherIsBetter: true,
  columns: ["pointReadsPerSecond", "transactionReadsPerSecond", "scanBytesPerSecond", "peakBytes"],
  cases: (quick) => (quick ? [reads(REPLICAS.mb8, 0.5)] : [reads(REPLICAS.mb64, 2), reads(REPLICAS.mb512, 2)]),
};
