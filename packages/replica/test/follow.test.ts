import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import {
  extendView,
  listNewer,
  listReplica,
  openView,
  PageReader,
  planForward,
  planRestore,
  type ReplicaFile,
  storeRangeReader,
  type View,
} from "../src/index.js";
import { id, listed, ModelDatabase, range, rounds, TestReplica } from "./support.js";

const seed = testSeed("follow");
const forward = (files: readonly ReplicaFile[], from: number): string[] | undefined =>
  planForward(files, id(from))?.files.map((f) => `${f.level}:${f.minTXID}-${f.maxTXID}`);

describe("planForward", () => {
  const level0 = range(5, 12).map((n) => listed(0, n, n));

  it("has nothing to do where nothing is newer", () => {
    expect(forward([], 4)).toBeUndefined();
    expect(forward(level0, 12)).toBeUndefined();
    expect(forward(level0, 20)).toBeUndefined();
  });

  it("takes level-0 files, and what a higher level covers from there", () => {
    expect(forward(level0, 9)).toEqual(["0:10-10", "0:11-11", "0:12-12"]);
    expect(forward([...level0, listed(1, 2, 10)], 9)).toEqual(["1:2-10", "0:11-11", "0:12-12"]);
    expect(forward([...level0, listed(1, 2, 10)], 10)).toEqual(["0:11-11", "0:12-12"]);
    expect(forward([...level0, listed(1, 2, 12), listed(2, 2, 12, 10)], 4)).toEqual(["2:2-12"]);
  });

  it("is not sent back to a snapshot", () => {
    expect(forward([...level0, listed(9, 1, 12)], 10)).toEqual(["0:11-11", "0:12-12"]);
    expect(() => forward([listed(9, 1, 12)], 10)).toThrow(expect.objectContaining({ code: "REPLICA_GAP" }));
  });

  it("finds a gap", () => {
    expect(() => forward(level0, 3)).toThrow(expect.objectContaining({ code: "REPLICA_GAP" }));
    expect(() => forward([...level0, listed(0, 14, 14)], 10)).toThrow(expect.objectContaining({ code: "REPLICA_GAP" }));
  });
});

/** A follower as an engine would make one. Counts how often it had to start over. */
class Follower {
  view: View | undefined;
  level1After = id(0);
  restarts = 0;

  async poll(replica: TestReplica): Promise<void> {
    if (this.view !== undefined) {
      const { files } = await listNewer(replica.store, replica.layout, { after: this.view.txid, level1After: this.level1After });
      for (const f of files) if (f.level === 1 && f.maxTXID > this.level1After) this.level1After = f.maxTXID;
      try {
        const plan = planForward(files, this.view.txid);
        if (plan !== undefined) this.view = (await extendView(replica.store, this.view, plan)).view;
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== "REPLICA_GAP") throw error;
      }
    }
    const { files } = await listReplica(replica.store, replica.layout);
    const plan = planRestore(files);
    if (plan === undefined) throw new Error("empty");
    this.restarts += 1;
    this.view = (await openView(replica.store, replica.layout, plan)).view;
  }
}

describe("a follower", () => {
  it("costs two listings a poll while nothing changes, and one read a new file", async () => {
    const replica = new TestReplica();
    for (const n of range(1, 5)) await replica.put({ min: n, commit: 2, pages: n === 1 ? [1, 2] : [1] });
    const follower = new Follower();
    await follower.poll(replica);
    replica.requests();
    await follower.poll(replica);
    expect(replica.requests()).toEqual({ list: 2, get: 0, other: 0 });
    await replica.put({ min: 6, commit: 2, pages: [1] });
    await replica.put({ min: 7, commit: 2, pages: [2] });
    await follower.poll(replica);
    expect(replica.requests()).toEqual({ list: 2, get: 2, other: 0 });
    expect(follower.view?.txid).toBe(7n);
  });

  it.each(["s3", "file"] as const)("sees what a fresh reader sees, while files are compacted and deleted (layout %s)", async (kind) => {
    const random = new SeededRandom(seed);
    let restarts = 0;
    let polls = 0;
    for (let round = 0; round < 8 * rounds; round += 1) {
      const replica = new TestReplica(kind);
      const model = new ModelDatabase();
      const follower = new Follower();
      const since: { commit: number; pages: Map<number, number> }[] = [];
      let level1End = 1;
      for (let txid = 1; txid <= 60; txid += 1) {
        const before = model.commit;
        const commit = random.chance(0.1) ? 1 + random.below(40) : Math.max(1, before + random.below(8) - 3);
        const pages = new Map(range(1, commit).flatMap((p) => (p > before || random.chance(0.15) ? [[p, txid] as const] : [])));
        model.apply(commit, pages);
        await replica.put({ min: txid, commit, pages });
        if (txid === 1) await replica.put({ min: 1, level: 9, commit, pages });
        else since.push({ commit, pages });
        if (random.chance(0.15) && since.length > 0) {
          const part = new ModelDatabase();
          for (const step of since.splice(0)) part.apply(step.commit, step.pages);
          await replica.put({ min: level1End + 1, max: txid, level: 1, commit: part.commit, pages: part.pages });
          level1End = txid;
          for (const n of range(1, level1End)) if (random.chance(0.8)) await replica.inner.delete(replica.layout.key(0, id(n), id(n)));
        }
        if (!random.chance(0.4)) continue;
        polls += 1;
        await follower.poll(replica);
        const view = follower.view as View;
        expect([view.txid, view.commit], `seed=${seed} round=${round}`).toEqual([id(txid), model.commit]);
        const read = await new PageReader({ reader: storeRangeReader(replica.inner) }).readPages(view, range(1, model.commit));
        for (const pgno of range(1, model.commit)) {
          const same = Buffer.from(model.bytes(512, pgno)).equals(read.get(pgno) ?? new Uint8Array(0));
          if (!same) expect.fail(`seed=${seed} round=${round} txid=${txid}: page ${pgno} is wrong`);
        }
      }
      restarts += follower.restarts;
    }
    expect(restarts).toBeLessThan(polls / 4);
  });
});
