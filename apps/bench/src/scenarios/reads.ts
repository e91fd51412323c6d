import type { ContenderName } from "../child/protocol.js";
import type { Manifest } from "../replicas/replica.js";
import { REPLICAS, type ReplicaSpec } from "../replicas/spec.js";
import type { Case, Scenario } from "../run/case.js";
import { neighbouringRows, randomRows, rowInMiddle } from "./ids.js";
import { NETWORK } from "./network.js";

const READS = 1000;
const READS_QUICK = 100;

type Ids = (manifest: Manifest, count: number, run: number) => readonly number[];

function pointReads(scenario: string, replica: ReplicaSpec, count: number, ids: Ids, peerRuns: number): Case {
  return {
    scenario,
    name: `${replica.title}, ${count} reads`,
    replica,
    network: NETWORK,
    program: "point-reads",
    contenders: ["headwater", "peer", "local"],
    runsMax: { peer: peerRuns },
    options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run), ids: ids(manifest, count, run) }),
  };
}

function pointReadScenario(name: string, title: string, which: string, ids: Ids): Scenario {
  return {
    name,
    title,
    about: `After the first row, ${which} are read by primary key, one after the other, each in a transaction of its own, without hydration. Opening does not count.`,
    headline: "readsMs",
    columns: ["requests", "bytesOut", "roundTrips", "readsMs", "perReadMs", "peakBytes"],
    // Half a minute for each run of the peer.
    cases: (quick) => [quick ? pointReads(name, REPLICAS.mb8, READS_QUICK, ids, 1) : pointReads(name, REPLICAS.mb64, READS, ids, 3)],
  };
}

export const randomReads: Scenario = pointReadScenario("random-reads", "Random point reads", "rows anywhere in the table", randomRows);

export const neighbourReads: Scenario = pointReadScenario(
  "neighbour-reads",
  "Point reads of neighbouring keys",
  "rows with ascending keys, from one somewhere in the table,",
  neighbouringRows,
);

const SCAN_CONTENDERS: readonly ContenderName[] = ["headwater", "peer", "download", "local"];

export const scan: Scenario = {
  name: "scan",
  title: "Full scan, nothing local",
  about:
    "A new process with nothing local opens the database and sums up a column of all rows; hydration is off. The peer reads page by page and takes " +
    "minutes, so it runs once.",
  headline: "openAndScanMs",
  columns: ["requests", "bytesOut", "roundTrips", "openAndScanMs", "peakBytes"],
  cases: (quick) => {
    const replica = quick ? REPLICAS.mb1 : REPLICAS.mb64;
    return [
      {
        scenario: "scan",
        name: replica.title,
        replica,
        network: NETWORK,
        program: "scan",
        contenders: SCAN_CONTENDERS,
        runsMax: { peer: 1 },
        options: (manifest, run) => ({ firstId: rowInMiddle(manifest, run) }),
      },
    ];
  },
};
