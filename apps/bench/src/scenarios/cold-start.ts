import type { ReplicaSpec } from "../replicas/spec.js";
import { REPLICAS } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { rowInMiddle } from "./ids.js";
import { NETWORK } from "./network.js";

const ALL = ["headwater", "peer", "download", "local"] as const;

const caseOf = (replica: ReplicaSpec, runsMax: Case["runsMax"] = {}): Case => ({
  scenario: "cold-start",
  name: replica.title,
  replica,
  network: NETWORK,
  program: "cold-start",
  contenders: ALL,
  runsMax,
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
});

export const coldStart: Scenario = {
  name: "cold-start",
  title: "Cold start: open to first row",
  about:
    "A new process with nothing local opens the database and reads one row by its primary key, another one in each run. " +
    "`firstRow` begins with the call to `open` (the peer: connect); `processStart` with the start of the process, and ends when the row is printed.",
  headline: "firstRowMs",
  columns: ["requests", "bytesOut", "roundTrips", "firstRowMs", "processStartMs", "cpuMs", "peakBytes", "peakOverBareBytes"],
  cases: (quick) =>
    quick
      ? [caseOf(REPLICAS.mb1), caseOf(REPLICAS.mb8Updated)]
      : [
          caseOf(REPLICAS.mb1),
          caseOf(REPLICAS.mb64),
          caseOf(REPLICAS.mb512),
          caseOf(REPLICAS.mb64Updated),
          caseOf(REPLICAS.mb512Updated),
          // It takes a minute, and its spread is small beside the difference.
          caseOf(REPLICAS.files1000, { peer: 1 }),
        ],
};
