import type { Claim } from "./claim.js";
import { killCommits } from "./claims/kill-commits.js";
import { steadyWriter } from "./claims/steady-writer.js";
import { syncFaults } from "./claims/sync-faults.js";
import { twoWriters } from "./claims/two-writers.js";

/** Everything that can be proved by name. */
export const CLAIMS: readonly Claim[] = [killCommits, syncFaults, steadyWriter, twoWriters];
