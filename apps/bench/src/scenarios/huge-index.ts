import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { rowInMiddle } from "./ids.js";
import { NETWORK } from "./network.js";

const caseOf = (replica: ReplicaSpec): Case => ({
  scenario: "index-100gb",
  name: replica.title,
  replica,
  network: NETWORK,
  program: "cold-start",
  contenders: ["headwater", "peer"],
  // It takes minutes and gigabytes of memory.
  runsMax: { peer: 1 },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
});

export const hugeIndex: Scenario = {
  name: "index-100gb",
  title: "Opening a snapshot of 100 GB",
  about:
    "25 million pages of 4,096 bytes with frames of many sizes, in an LTX file that the store makes up where it is read, so that no disk has to hold it. " +
    "The file has 54 GB, its page index 283 MB. As in cold-start, a row by its primary key is read, through a B-tree of depth 4. The peer reads the whole index, so it runs once.",
  headline: "firstRowMs",
  columns: ["requests", "bytesOut", "roundTrips", "openMs", "firstRowMs", "peakBytes"],
  cases: (quick) => [caseOf(quick ? REPLICAS.gb1 : REPLICAS.gb100)],
};
