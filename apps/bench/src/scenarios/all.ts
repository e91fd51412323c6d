import type { Scenario } from "../run/case.js";
import { coldStart } from "./cold-start.js";
import { firstWrite } from "./first-write.js";
import { hugeIndex } from "./huge-index.js";
import { hydratedReads, hydration, hydrationLatency } from "./hydration.js";
import { memory } from "./memory.js";
import { neighbourReads, randomReads, scan } from "./reads.js";
import { writeLatency, writeRate } from "./writes.js";

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  coldStart,
  firstWrite,
  scan,
  randomReads,
  neighbourReads,
  memory,
  hugeIndex,
  writeLatency,
  writeRate,
  hydration,
  hydrationLatency,
  hydratedReads,
];

/** What `reads` and the like on the command line stand for. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  reads: ["scan", "random-reads", "neighbour-reads"],
  local: ["hydration", "hydration-latency", "hydrated-reads"],
  writes: ["first-write", "write-latency", "write-rate"],
};
