import { type Pgno, runToEnd } from "@headwater/core";
import { ManualRuntime, SeededRandom, testSeed } from "@headwater/core/testing";
import { encodeLtx } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { listReplica, type OpenFile, openView, planRestore, storePublisher, View } from "../src/index.js";
import { id, listed, range, rounds, TestReplica } from "./support.js";

const seed = testSeed("slices");
const COUNT = 60_000;

function file(txid: number, commit: number, pgnos: readonly number[], min = txid): OpenFile {
  const count = pgnos.length;
  const index = { count, pgnos: Uint32Array.from(pgnos), offsets: new Float64Array(count), sizes: new Uint32Array(count).fill(50) };
  for (let i = 0; i < count; i += 1) index.offsets[i] = 100 + 50 * i;
  const header = { noChecksum: true, pageSize: 512, commit, minTXID: id(min), maxTXID: id(txid), timestampMs: 0, preApplyChecksum: 0n };
  const rest = { nodeID: 0n, walOffset: 0n, walSize: 0n, walSalt1: 0, walSalt2: 0 };
  const trailer = { postApplyChecksum: 0n, fileChecksum: 2n ** 63n };
  return { file: listed(0, min, txid, 200 + 50 * count), header: { ...header, ...rest }, index, trailer };
}

function yieldsOf(steps: Generator<undefined, unknown, undefined>): number {
  let yields = 0;
  while (steps.next().done !== true) yields += 1;
  return yields;
}

describe("work on a view's index, in slices", () => {
  const base = View.empty(512).extend(file(1, COUNT, range(1, COUNT)));

  it("adopts so many entries a step", () => {
    expect(yieldsOf(View.empty(512).extendSteps([file(1, COUNT, range(1, COUNT))], 1000))).toBe(COUNT / 1000 - 1);
    expect(yieldsOf(base.extendSteps([file(2, COUNT, range(1, 900))], 1000))).toBe(0);
  });

  it("drops what a shrinking database loses, and gathers a file's frames, 8192 entries a step", () => {
    expect(yieldsOf(base.extendSteps([file(2, 1, [1])]))).toBeGreaterThanOrEqual(Math.floor(COUNT / 8192) - 1);
    expect(yieldsOf(base.framesOfSteps(base.files[0] as never))).toBeGreaterThanOrEqual(Math.floor(COUNT / 8192));
  });

  it("opens a snapshot with a turn after at most 8192 entries decoded or adopted, where the clock stands still", async () => {
    const replica = new TestReplica();
    const page = new Uint8Array(512);
    const header = { pageSize: 512, commit: COUNT, minTXID: id(1), maxTXID: id(1), timestampMs: 1 };
    const encoded = encodeLtx({ header, pages: range(1, COUNT).map((n) => ({ pgno: n as Pgno, data: page })) });
    await storePublisher(replica.inner, replica.layout).publish(encoded, 9);
    const manual = new ManualRuntime();
    let turns = 0;
    const turn = (): Promise<void> => {
      turns += 1;
      return manual.timers.turn();
    };
    const plan = planRestore((await listReplica(replica.inner, replica.layout)).files);
    if (plan === undefined) throw new Error("empty replica");
    const runtime = { clock: manual.clock, timers: { ...manual.timers, turn } };
    const { view } = await openView(replica.store, replica.layout, plan, { runtime });
    expect(turns).toBeGreaterThanOrEqual(2 * (Math.floor(COUNT / 8192) - 1));
    expect(view.indexBytes).toBe(12 * COUNT);
    // Without a runtime there is nobody to let run.
    expect((await openView(replica.store, replica.layout, plan)).view.lookup(COUNT)).toEqual(view.lookup(COUNT));
  });

  it("adopts many files at once as one after the other", () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 30 * rounds; round += 1) {
      const files: OpenFile[] = [];
      let commit = 1 + random.below(3000);
      files.push(file(1, commit, range(1, commit)));
      for (let txid = 2; txid < 2 + random.below(30); txid += 1) {
        commit = random.chance(0.1) ? 1 + random.below(3000) : commit + random.below(20);
        const pgnos = new Set(Array.from({ length: random.below(40) }, () => 1 + random.below(commit)));
        files.push(
          file(
            txid,
            commit,
            [...pgnos].sort((a, b) => a - b),
            random.chance(0.05) ? 1 : txid,
          ),
        );
      }
      const start = random.below(files.length);
      let one = View.empty(512);
      for (const next of files.slice(0, start)) one = one.extend(next);
      const before = one;
      for (const next of files.slice(start)) one = one.extend(next);
      const many = runToEnd(before.extendSteps(files.slice(start), 1 + random.below(500)));
      const where = `seed=${seed} round=${round}`;
      expect([many.txid, many.commit, many.indexBytes, many.files], where).toEqual([one.txid, one.commit, one.indexBytes, one.files]);
      for (const pgno of range(1, 3700)) expect(many.lookup(pgno), where).toEqual(one.lookup(pgno));
      for (const f of many.files) expect(many.framesOf(f), where).toEqual(one.framesOf(f));
      expect(many.changedSince(before), where).toEqual(one.changedSince(before));
    }
  });
});
