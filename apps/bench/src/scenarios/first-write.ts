import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { rowInMiddle } from "./ids.js";
import { NETWORK } from "./network.js";

const caseOf = (replica: ReplicaSpec): Case => ({
  scenario: "first-write",
  name: replica.title,
  replica,
  network: NETWORK,
  program: "first-write",
  contenders: ["headwater", "peer", "local"],
  mode: { write: true },
  options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
});

/** What the first write must not take longer than, measured beside it. */
const firstRowOf = (replica: ReplicaSpec): Case => ({
  ...caseOf(replica),
  name: `${replica.title}, first row instead`,
  program: "cold-start",
  contenders: ["headwater"],
  mode: {},
});

export const firstWrite: Scenario = {
  name: "first-write",
  title: "Open to first write accepted",
  about:
    "A new process with nothing local opens the database for writing and updates one row in its place. Headwater keeps it in a buffer file from then " +
    "on; the local file is copied before, and written with SQLite's defaults. `firstWrite` begins with the call to `open`.",
  headline: "firstWriteMs",
  columns: ["requests", "roundTrips", "firstWriteMs", "firstRowMs", "processStartMs"],
  cases: (quick) => {
    const replica = quick ? REPLICAS.mb1 : REPLICAS.mb64;
    return [caseOf(replica), firstRowOf(replica)];
  },
};
