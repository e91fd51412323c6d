import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { Model, Pair } from "./model.js";
import { ROUNDS, sameState } from "./support.js";
import { Bench } from "./sync-support.js";

const seed = testSeed("sync");

describe("Syncer against a model of database states", () => {
  it("makes each file the state at its commit, without holes, whatever the transactions did", async () => {
    for (let round = 0; round < 25 * ROUNDS; round += 1) {
      const random = new SeededRandom(seed + round);
      const bench = new Bench({
        log: { segmentBytes: random.pick([1, 20_000]) },
        limitBytes: random.pick([1, 4096, 1 << 20]),
      });
      const pair = new Pair(bench.log, new Model([]), random);
      pair.adoptable = () => bench.syncer.position.sequence;
      for (let i = 0; i < 20; i += 1) {
        pair.transaction();
        bench.syncer.notifyCommit();
        if (!random.chance(0.4)) continue;
        await bench.syncer.sync(pair.model.sequence);
        if (random.chance(0.7)) pair.adopt(bench.syncer.position.sequence);
        pair.check(true);
      }
      await bench.syncer.close();
      await bench.checkReplica(pair.model);
      if (pair.model.sequence > 0) {
        pair.adopt(pair.model.sequence);
        pair.check(true);
        expect(sameState(bench.newest ?? [], pair.model.newest)).toBe(true);
      }
      bench.log.close();
    }
  });
});
