import type { ClaimRun, Outcome } from "../claim.js";
import { Tally } from "../tally.js";
import { ATTACKS, type Attack } from "./attack.js";
import { type BufferKind, KillSeries } from "./kill-series.js";

/** So many kills in the life of one database, then a new one with other settings. */
const KILLS_A_DATABASE = 20;

/** Kills writers with this kind of buffer, on every store, in every way that there is. */
export async function killAll(run: ClaimRun, buffer: BufferKind): Promise<Outcome> {
  const counts = new Tally();
  const faults = new Tally();
  for (const backend of run.backends) {
    const attacks = ATTACKS.filter((attack) => attack.backends.includes(backend));
    for (const { name } of attacks) faults.add(`${backend}: killed ${name}`, 0);
    for (let kills = 0; kills < run.rounds; ) {
      const series = await KillSeries.start({ run, backend, buffer, counts, faults });
      const count = Math.min(KILLS_A_DATABASE, run.rounds - kills);
      await series.live(async () => {
        for (let i = 0; i < count; i += 1, kills += 1) await series.kill(pickAttack(attacks, kills));
      });
      run.log(`${backend}: ${kills} of ${run.rounds} kills, ${counts.of(`${backend}: commits acknowledged`)} commits`);
    }
  }
  return { counts: counts.toRecord(), faults: faults.toRecord() };
}

/** In turn, so that a small sample has every kind. */
function pickAttack(attacks: readonly Attack[], kills: number): Attack {
  const attack = attacks[kills % attacks.length];
  if (attack === undefined) throw new Error("no attack for this store");
  return attack;
}
