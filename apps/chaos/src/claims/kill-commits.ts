import type { Claim, ClaimRun, Outcome } from "../claim.js";
import { killAll } from "../kills/kill-all.js";

export const killCommits: Claim = {
  name: "kill-commits",
  proves:
    "with the default buffer, kill -9 at any moment (while committing, in mid-put, while recovering) loses no acknowledged commit, doubles none, and shows nothing that was rolled back",
  rounds: 300,
  unit: "kills on each store",
  backends: ["file", "s3"],
  sample: 6,
  run: (run: ClaimRun): Promise<Outcome> => killAll(run, "file"),
};
