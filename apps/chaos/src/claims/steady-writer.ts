import type { Claim, ClaimRun, Outcome } from "../claim.js";
import { SteadyLife } from "../steady/steady-life.js";
import { Tally } from "../tally.js";

/** So many batches in the life of one database, then a new one with another page size. */
const BATCHES_A_LIFE = 500;

export const steadyWriter: Claim = {
  name: "steady-writer",
  proves:
    "a database that is written without a pause, synced every 20 ms and grows and shrinks, with a cache of one page, is sound and equal to plain SQLite after every sync, for the writer and for a process that follows",
  rounds: 5000,
  unit: "batches on each store",
  backends: ["file", "s3"],
  sample: 40,
  async run(run: ClaimRun): Promise<Outcome> {
    const counts = new Tally();
    for (const backend of run.backends) {
      for (let done = 0; done < run.rounds; done += BATCHES_A_LIFE) {
        await SteadyLife.run({ run, backend, counts }, Math.min(BATCHES_A_LIFE, run.rounds - done));
        run.log(`${backend}: ${counts.of(`${backend}: batches`)} batches, ${counts.of(`${backend}: syncs`)} syncs`);
      }
    }
    return { counts: counts.toRecord(), faults: {} };
  },
};
