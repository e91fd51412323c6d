import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { CommitLog } from "../src/index.js";
import { Model, Pair } from "./model.js";
import {
  commit,
  diskFull,
  HookedFileSystem,
  memoryFs,
  openLog,
  PAGE_SIZE,
  pageOf,
  pageOne,
  ROUNDS,
  replay,
  sameState,
  zeroPage,
} from "./support.js";

const seed = testSeed("commit-log");

describe("CommitLog against a model of plain files", () => {
  for (const [name, more] of [
    ["one segment", {}],
    ["a segment for each transaction", { segmentBytes: 1 }],
    ["segments of some transactions", { segmentBytes: 20_000 }],
  ] as const) {
    it(`reads and publishes what the model does: ${name}`, () => {
      for (let round = 0; round < 30 * ROUNDS; round += 1) {
        const random = new SeededRandom(seed + round);
        const { log, reader } = openLog(memoryFs(), more);
        const pair = new Pair(log, new Model([]), random);
        let replayed = 0;
        for (let i = 0; i < 25; i += 1) {
          pair.transaction();
          if (!random.chance(0.3)) continue;
          const { viewSequence, sequence, states } = pair.model;
          replayed = Math.max(replayed, viewSequence);
          const state = replay(reader, states[replayed] ?? [], replayed, sequence);
          expect(sameState(state, pair.model.newest)).toBe(true);
          reader.release(replayed);
          replayed = sequence;
          reader.release(sequence);
        }
        pair.check(true);
        reader.close();
        log.close();
      }
    });
  }

  it("goes on rightly after a failure at any call, once or for some time", () => {
    let errors = 0;
    for (let round = 0; round < 60 * ROUNDS; round += 1) {
      const random = new SeededRandom(seed + 1000 + round);
      const hooked = new HookedFileSystem(memoryFs());
      const segmentBytes = random.pick([1, 20_000, 1 << 20]);
      const { log, reader } = openLog(hooked, { segmentBytes, memoryPagesMax: 1 + random.below(20) });
      const pair = new Pair(log, new Model([]), random);
      let failing = 0;
      hooked.hook = (kind) => {
        if (kind === "read") return;
        if (failing === 0 && random.chance(0.05)) failing = random.pick([1, 1, 3, 30]);
        if (failing === 0) return;
        failing -= 1;
        throw diskFull();
      };
      for (let i = 0; i < 30; i += 1) pair.transaction();
      pair.check(true);
      hooked.hook = () => undefined;
      const { viewSequence, view, sequence, newest } = pair.model;
      expect(sameState(replay(reader, view, viewSequence, sequence), newest)).toBe(true);
      errors += pair.errors;
      reader.close();
      log.close();
    }
    expect(errors).toBeGreaterThan(0);
  });
});

describe("the rules of committing", () => {
  it("takes the size from page 1 when it vouches for it, also when the truncation comes later", () => {
    const { log } = openLog(memoryFs());
    commit(log, 1, 3, { 2: pageOf(2), 3: pageOf(3) });
    log.write(1, pageOne(2, 2));
    log.completeRecord();
    expect(log.sizePages(0)).toBe(3);
    log.truncate(2);
    expect(log.sizePages(0)).toBe(2);
    expect(log.publish()).toBe(2);
    expect(log.sizePages(0)).toBe(2);
    expect(log.read(3, zeroPage(), 0)).toBe("zeros");
  });

  it("refuses a page 1 with another page size, or more pages than there are, and rolls back", () => {
    const { log } = openLog(memoryFs());
    commit(log, 1, 1, {});
    log.write(1, pageOne(2, 1, 1024).subarray(0, PAGE_SIZE));
    expect(() => log.completeRecord()).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    log.unlock();
    log.write(1, pageOne(3, 9));
    expect(() => log.completeRecord()).toThrow(expect.objectContaining({ code: "SQLITE_CORRUPT" }));
    log.unlock();
    expect(commit(log, 4, 2, { 2: pageOf(1) })).toBe(2);
  });

  it("does nothing at COMMIT_PHASETWO with an empty overlay", () => {
    const { log } = openLog(memoryFs());
    log.completeRecord();
    log.sync(true);
    expect(log.publish()).toBeUndefined();
    log.unlock();
    expect(log.publishedSequence).toBe(0);
  });

  it("drops a failed transaction whole, ignores what follows it, and serves the next", () => {
    const fs = memoryFs();
    const { log } = openLog(fs);
    commit(log, 1, 2, { 2: pageOf(2) });
    log.write(2, pageOf(9));
    log.write(1, pageOne(2, 2));
    fs.failNext("write");
    expect(() => log.completeRecord()).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    const into = zeroPage();
    expect(log.read(2, into, 0)).toBe("page");
    expect(into).toEqual(pageOf(2));
    log.truncate(2);
    log.write(2, pageOf(2));
    log.completeRecord();
    log.sync(true);
    expect(log.publish()).toBeUndefined();
    log.unlock();
    expect(commit(log, 3, 2, { 2: pageOf(3) })).toBe(2);
  });

  it("says that the outcome is unknown when the fsync of a commit fails", () => {
    const fs = memoryFs();
    const { log } = openLog(fs);
    log.write(1, pageOne(1, 1));
    log.completeRecord();
    fs.failNext("sync");
    expect(() => log.sync(true)).toThrow(/outcome is unknown/);
    expect(log.publish()).toBeUndefined();
    log.unlock();
    expect(log.sizePages(0)).toBe(0);
  });

  it("keeps pages in memory while the disk is full, and commits them when there is room in time", () => {
    const hooked = new HookedFileSystem(memoryFs());
    const { log } = openLog(hooked, { memoryPagesMax: 200 });
    hooked.hook = (kind) => {
      if (kind === "write") throw diskFull();
    };
    for (let i = 2; i <= 150; i += 1) log.write(i, pageOf(i));
    hooked.hook = () => undefined;
    expect(commit(log, 1, 150, {})).toBe(1);
    const into = zeroPage();
    log.read(140, into, 0);
    expect(into).toEqual(pageOf(140));
  });

  it("fails xWrite only when memory is full too", () => {
    const hooked = new HookedFileSystem(memoryFs());
    const { log } = openLog(hooked, { memoryPagesMax: 100 });
    hooked.hook = (kind) => {
      if (kind === "write") throw diskFull();
    };
    for (let i = 1; i <= 100; i += 1) log.write(i, pageOf(i));
    expect(() => log.write(101, pageOf(1))).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    expect(log.sizePages(0)).toBe(0);
    log.write(1, pageOf(1));
    log.unlock();
    hooked.hook = () => undefined;
    expect(commit(log, 1, 1, {})).toBe(1);
  });

  it("never stores the lock page, which only makes the file longer", () => {
    const pageSize = 65_536;
    const lock = 2 ** 30 / pageSize + 1;
    const { log, reader } = openLog(memoryFs(), { pageSize, base: { txid: 5n as never, fileChecksum: 1n, commit: lock - 1 } });
    log.write(lock, new Uint8Array(pageSize).fill(1));
    log.write(1, pageOne(1, lock, pageSize));
    log.completeRecord();
    log.publish();
    const into = new Uint8Array(pageSize).fill(9);
    expect(log.read(lock, into, 0)).toBe("zeros");
    expect(log.sizePages(0)).toBe(lock);
    expect([...reader.transactions(0, 1)].map((t) => [...t.pages.keys()])).toEqual([[1]]);
  });

  it("keeps segments until their commits are adopted, then deletes them one by one", () => {
    const fs = memoryFs();
    const { log } = openLog(fs, { segmentBytes: 1 });
    for (let i = 1; i <= 5; i += 1) commit(log, i, i, { [i]: pageOf(i) });
    expect(fs.list("/db/buffer")).toHaveLength(5);
    const adopted = log.adopt(3);
    expect([...adopted.pgnos].sort()).toEqual([2, 3]);
    expect(fs.list("/db/buffer")).toHaveLength(4);
    log.unlock();
    log.unlock();
    // The segment with the newest adopted commit is known to be durable, and stays as the log's beginning.
    expect(fs.list("/db/buffer")).toHaveLength(3);
    expect(log.pendingTransactions).toBe(2);
    log.adopt(5);
    expect([log.pendingTransactions, log.pendingBytes]).toEqual([0, 0]);
    log.close();
    expect(fs.list("/db/buffer")).toEqual([]);
  });

  it("names the directory when it can't be written, and refuses one that holds a log", () => {
    const fs = new MemoryFileSystem();
    fs.open("/db", "w+").close();
    expect(() => openLog(fs)).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    const other = memoryFs();
    openLog(other).log.close({ keep: true });
    expect(() => openLog(other)).toThrow(expect.objectContaining({ code: "BUFFER_UNWRITABLE" }));
    expect(CommitLog).toBeDefined();
  });
});
