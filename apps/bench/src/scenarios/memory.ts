import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { rowInMiddle } from "./ids.js";
import { NETWORK } from "./network.js";

const caseOf = (replica: ReplicaSpec): Case => ({
  scenario: "memory",
  name: replica.title,
  replica,
  network: NETWORK,
  program: "cold-start",
  contenders: ["headwater", "peer", "download", "local"],
  runsMax: { peer: 3, headwater: 3, download: 3, local: 3 },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
});

export const memory: Scenario = {
  name: "memory",
  title: "Memory after opening",
  about:
    "The peak resident set size of the process when it has opened the database and read one row. Between the sizes lies what the page index costs " +
    "(its 16 bytes a page are tested where it is made).",
  headline: "peakBytes",
  columns: ["peakBytes", "peakOverBareBytes"],
  cases: (quick) => (quick ? [caseOf(REPLICAS.mb8)] : [caseOf(REPLICAS.mb64), caseOf(REPLICAS.mb512), caseOf(REPLICAS.mb512Updated)]),
};
