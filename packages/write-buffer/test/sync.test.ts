import { HeadwaterError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { Model, Pair } from "./model.js";
import { diskFull, HookedFileSystem, memoryFs, ROUNDS, sameState } from "./support.js";
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

  it("goes on rightly when any call to files or to the store may fail, before or after it was done", async () => {
    let failures = 0;
    for (let round = 0; round < 20 * ROUNDS; round += 1) {
      const random = new SeededRandom(seed + 9000 + round);
      const fs = new HookedFileSystem(memoryFs());
      const down = { files: 0, store: 0 };
      const maybe = (error: () => Error, probability: number): void => {
        if (random.chance(probability)) throw error();
      };
      const lost = (): void => maybe(() => new HeadwaterError("STORE_UNAVAILABLE", "test"), down.store);
      const hooks = { before: lost, after: lost };
      const bench = new Bench({ fs, hooks, log: { segmentBytes: random.pick([1, 20_000]) }, limitBytes: random.pick([1, 4096, 1 << 20]) });
      fs.hook = () => maybe(diskFull, down.files);
      const pair = new Pair(bench.log, new Model([]), random);
      pair.adoptable = () => bench.syncer.position.sequence;
      for (let i = 0; i < 20; i += 1) {
        down.files = random.pick([0, 0, 0.1]);
        down.store = random.pick([0, 0.3, 0.9]);
        // Reading the log back is no place for these faults: SQLite gets an error then, and the model has none.
        const { files } = down;
        down.files = 0;
        pair.transaction();
        down.files = files;
        bench.syncer.notifyCommit();
        await bench.runtime.advance(random.below(3000));
      }
      down.files = 0;
      down.store = 0;
      failures += bench.failures.length;
      await bench.syncer.close();
      await bench.checkReplica(pair.model);
      expect(bench.fenced).toEqual([]);
      if (pair.model.sequence > 0) expect(sameState(bench.newest ?? [], pair.model.newest)).toBe(true);
      pair.adopt(pair.model.sequence);
      pair.check(true);
      bench.log.close();
    }
    expect(failures).toBeGreaterThan(20);
  });
});
