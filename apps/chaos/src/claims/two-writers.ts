import type { Claim, ClaimRun, Outcome } from "../claim.js";
import { ACTIONS, bothHere } from "../rivals/actions.js";
import { Match, type MatchParts } from "../rivals/match.js";
import { Tally } from "../tally.js";

const ACTIONS_MIN = 2;
const ACTIONS_MORE = 4;

export const twoWriters: Claim = {
  name: "two-writers",
  proves:
    "two writers on one replica, paused, killed and taken over at random, make one line of history: one winner for every TXID, the loser gets FencedError, and nothing that a sync confirmed vanishes",
  rounds: 200,
  unit: "matches on each store",
  backends: ["file", "s3"],
  sample: 2,
  async run(run: ClaimRun): Promise<Outcome> {
    const counts = new Tally();
    const faults = new Tally();
    for (const backend of run.backends) {
      for (const { name } of ACTIONS) faults.add(`${backend}: ${name}`, 0);
      counts.add(`${backend}: fenced`, 0);
      for (let round = 0; round < run.rounds; round += 1) {
        await playOne({ run, backend, counts, faults });
        if ((round + 1) % 10 === 0)
          run.log(`${backend}: ${round + 1} of ${run.rounds} matches, fenced ${counts.of(`${backend}: fenced`)} times`);
      }
    }
    return { counts: counts.toRecord(), faults: faults.toRecord() };
  },
};

async function playOne(parts: MatchParts): Promise<void> {
  const match = await Match.start(parts);
  await match.play(async () => {
    await bothHere(match);
    const count = ACTIONS_MIN + match.random.below(ACTIONS_MORE);
    for (let i = 0; i < count; i += 1) {
      const action = ACTIONS[match.random.below(ACTIONS.length)];
      if (action === undefined) continue;
      parts.faults.add(`${parts.backend}: ${action.name}`);
      await action.run(match);
    }
  });
}
