import { SeededRandom, testSeed } from "@headwater/core/testing";
import { decodeLtx } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { UnsyncedCommits } from "../src/index.js";
import { Model, Pair } from "./model.js";
import { DIR, PAGE_SIZE, ROUNDS, same, sameState } from "./support.js";
import { applyFile, Bench } from "./sync-support.js";

const seed = testSeed("unsynced");

describe("UnsyncedCommits", () => {
  it("are the database after the last commit, page by page and as one file, whatever the transactions did", async () => {
    let seen = 0;
    for (let round = 0; round < 25 * ROUNDS; round += 1) {
      const random = new SeededRandom(seed + round);
      const bench = new Bench({ syncIntervalMs: 0, log: { segmentBytes: random.pick([1, 20_000]) } });
      const pair = new Pair(bench.log, new Model([]), random);
      pair.adoptable = () => bench.syncer.position.sequence;
      for (let i = 0; i < 15; i += 1) {
        pair.transaction();
        if (random.chance(0.3)) await bench.syncer.sync(pair.model.sequence);
      }
      const { sequence, txid } = bench.syncer.position;
      const commits = await UnsyncedCommits.open(bench.fs, DIR);
      expect(commits === undefined).toBe(sequence === pair.model.sequence);
      if (commits !== undefined) {
        seen += 1;
        const [base, newest] = [pair.model.states[sequence] ?? [], pair.model.newest];
        expect(commits.report).toMatchObject({ transactions: pair.model.sequence - sequence, baseTxid: txid, commit: newest.length });
        const page = new Uint8Array(PAGE_SIZE);
        for (const [i, want] of newest.entries()) {
          const got = commits.readPage(i + 1, page) === "base" ? base[i] : page;
          if (got === undefined || !same(got, want)) expect.fail(`page ${i + 1} differs`);
        }
        const { header, trailer, pages } = decodeLtx((await commits.encode(0)).bytes);
        const { minTXID, commit, timestampMs, nodeID, pageSize } = header;
        expect(minTXID).toBe(txid + 1n);
        const file = { txid: minTXID, commit, timestampMs, nodeID, pageSize, fileChecksum: trailer.fileChecksum };
        const applied = applyFile(base, { ...file, pages: new Map([...pages()].map((p) => [p.pgno, p.data.slice()])) });
        expect(sameState(applied, newest)).toBe(true);
        commits.close();
      }
      await bench.syncer.close();
    }
    expect(seen).toBeGreaterThan(5);
  });

  it("are none where no buffer is", async () => {
    const bench = new Bench();
    expect(await UnsyncedCommits.open(bench.fs, "/db/other")).toBeUndefined();
    await bench.syncer.close();
  });
});
