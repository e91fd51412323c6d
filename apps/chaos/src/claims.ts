import type { Claim } from "./claim.js";
import { killCommits } from "./claims/kill-commits.js";

/** Everything that can be proved by name. */
export const CLAIMS: readonly Claim[] = [killCommits];
