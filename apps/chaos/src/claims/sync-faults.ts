import { type Claim, type ClaimRun, type Outcome, Violation } from "../claim.js";
import { DIRECTIONS, type Direction, runTrial } from "../sweep/trial.js";
import { Tally } from "../tally.js";

/** Most of a trial is waiting for the next attempt. */
const AT_ONCE = 4;
/** A sample takes its requests from the first so many: every writer makes as many. */
const SAMPLED = 7;

export const syncFaults: Claim = {
  name: "sync-faults",
  proves:
    "whichever request of a writer fails, from opening to closing, once or for ever, before or after the store did it, or whenever the process dies at one: the replica is whole and holds what was confirmed, and the buffer has the rest",
  rounds: 200,
  unit: "requests at most, each in six ways (it ends at the first request that there is not)",
  backends: ["s3"],
  sample: 3,
  async run(run: ClaimRun): Promise<Outcome> {
    const counts = new Tally();
    const faults = new Tally();
    for (const backend of run.backends) {
      for (const { name } of DIRECTIONS) faults.add(`${backend}: ${name}`, 0);
      const trial = (nth: number, direction: Direction): Promise<boolean> => runTrial({ run, backend, counts, faults, nth, direction });
      if (run.rounds < syncFaults.rounds) await sample(run, trial);
      else for (const direction of DIRECTIONS) run.log(`${direction.name}: ${await sweep(run.rounds, direction, trial)} requests`);
    }
    return { counts: counts.toRecord(), faults: faults.toRecord() };
  },
};

type Trial = (nth: number, direction: Direction) => Promise<boolean>;

async function sample({ rounds, random }: ClaimRun, trial: Trial): Promise<void> {
  for (let i = 0; i < rounds; i += 1) {
    const direction = DIRECTIONS[random.below(DIRECTIONS.length)];
    if (direction !== undefined) await trial(1 + random.below(SAMPLED), direction);
  }
}

/** Every request in turn, until a trial meets no fault. Resolves to how many there were. */
async function sweep(limit: number, direction: Direction, trial: Trial): Promise<number> {
  for (let next = 1; next <= limit; next += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, i) => next + i);
    const struck = await Promise.all(numbers.map((nth) => trial(nth, direction)));
    const end = struck.indexOf(false);
    if (end >= 0) return next + end - 1;
  }
  throw new Violation(`a writer makes more than ${limit} requests`);
}
