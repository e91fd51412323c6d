import { type MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { encodeLtx, mergeLtx } from "@headwater/ltx";
import { MemoryBucket } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { IntentFile, inspectBuffer, listSetAside, type RecoverOptions, type Recovery, recoverBuffer } from "../src/index.js";
import { commit, DIR, IDENTITY, openLog, PAGE_SIZE, pageOf, replay, tx } from "./support.js";
import { Bench, LAYOUT, readFiles, stateAt, WRITER_ID } from "./sync-support.js";

testSeed("recover");

/** The files of a writer that was killed after some commits, of which the first `synced` are in the replica. */
interface Left {
  readonly bench: Bench;
  readonly fs: MemoryFileSystem;
}

async function left(commits: number, synced: number, more: ConstructorParameters<typeof Bench>[0] = {}): Promise<Left> {
  const bench = new Bench({ syncIntervalMs: 0, ...more });
  for (let i = 1; i <= commits; i += 1) {
    commit(bench.log, i, 3, { 2: pageOf(i), 3: pageOf(i * 100) });
    if (i === synced) await bench.syncer.sync(i);
  }
  const fs = bench.fs as MemoryFileSystem;
  fs.kill();
  return { bench, fs };
}

/** What the next process finds. */
async function recover({ bench, fs }: Left, more: Partial<RecoverOptions> = {}): Promise<Recovery> {
  const files = more.position === undefined ? await readFiles(bench.store) : [];
  const newest = files[files.length - 1];
  const stored = newest && (await bench.publisher.stored(0, tx(newest.txid), tx(newest.txid)));
  const position = {
    txid: tx(newest?.txid ?? 0n),
    fileChecksum: stored?.trailer.fileChecksum ?? 0n,
    timestampMs: newest?.timestampMs ?? 0,
  };
  const { publisher, runtime } = bench;
  return recoverBuffer({ fs, dir: DIR, publisher, identity: IDENTITY, pageSize: PAGE_SIZE, position, runtime, ...more });
}

/** Another writer's file. */
async function putOther(bench: Bench, id: number): Promise<void> {
  const pages = [1, 2, 3].map((pgno) => ({ pgno: pgno as never, data: pageOf(pgno + 50) }));
  const header = { pageSize: PAGE_SIZE, commit: 3, minTXID: tx(id), maxTXID: tx(id), timestampMs: 1_700_000_900_000 + id, nodeID: 0xeen };
  await bench.store.put(LAYOUT.key(0, tx(id), tx(id)), encodeLtx({ header, pages }).bytes);
}

/** The put of the next file is done, and the process dies before it learns of it; or it dies just before the put. */
async function dieInPut(commits: number, synced: number, when: "before" | "after"): Promise<Left> {
  const bucket = new MemoryBucket();
  let armed = false;
  let fs: MemoryFileSystem | undefined;
  const die = (kind: string): void => {
    if (!armed || kind !== "put") return;
    fs?.kill();
    throw new Error("died");
  };
  const bench = new Bench({ bucket, syncIntervalMs: 0, hooks: { [when]: ({ kind }: { kind: string }) => die(kind) } });
  fs = bench.fs as MemoryFileSystem;
  for (let i = 1; i <= commits; i += 1) {
    commit(bench.log, i, 3, { 2: pageOf(i), 3: pageOf(i * 100) });
    if (i === synced) await bench.syncer.sync(i);
  }
  armed = true;
  void bench.syncer.sync(commits).catch(() => undefined);
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
  void bench.syncer.close({ deadlineMs: 0 }).catch(() => undefined);
  await bench.runtime.advance(0);
  return { bench, fs };
}

function resumed(recovery: Recovery): Recovery & { kind: "resume" } {
  if (recovery.kind !== "resume") expect.fail(`not resumed: ${recovery.kind} ${"detail" in recovery ? recovery.detail : ""}`);
  return recovery;
}

describe("recoverBuffer", () => {
  it("finds nothing where nothing is, and where all is in the replica, and cleans up", async () => {
    const bench = new Bench();
    expect(await recover({ bench, fs: bench.fs as MemoryFileSystem })).toMatchObject({ kind: "none" });
    const all = await left(2, 2);
    expect(await recover(all)).toMatchObject({ kind: "none", replicaTxid: 1n });
    expect(all.fs.list(DIR)).toEqual([]);
    const empty = await left(0, 0);
    expect(await recover(empty, { dir: "/db/other" })).toMatchObject({ kind: "none" });
  });

  it("never takes a segment that a crash tore for a damaged log, when the removal of a log was cut short", async () => {
    const seed = testSeed("removal");
    for (let round = 0; round < 40; round += 1) {
      const files = await left(2, 2, { log: { segmentBytes: 1 } });
      // A second segment that was never made durable, with a transaction that never ended.
      for (let i = 0; i < 100; i += 1) files.bench.log.write(2, pageOf(i));
      files.fs.kill();
      files.fs.failNext("sync", 1 + (round % 3));
      const cutShort = await recover(files).catch((error: unknown) => error);
      if (!files.fs.failurePending) expect(cutShort).toMatchObject({ code: "BUFFER_UNWRITABLE" });
      files.fs.crash(new SeededRandom(seed + round));
      expect(await recover(files), `seed=${seed} round=${round}`).toMatchObject({ kind: "none", replicaTxid: 1n });
    }
  });

  it("goes on with commits that were never synced, and with those after the last sync", async () => {
    for (const synced of [0, 2]) {
      const files = await left(5, synced);
      const { log, base, owner } = resumed(await recover(files));
      expect([base.txid, base.sequence, log.sequence, log.transactions.length]).toEqual([synced === 0 ? 0n : 1n, synced, 5, 5 - synced]);
      expect(owner).toBe("host:1:aa");
      const opened = openLog(files.fs, { recovered: log, base });
      expect(commit(opened.log, 6, 3, { 2: pageOf(6) })).toBe(6);
      const state = replay(opened.reader, stateAt(await readFiles(files.bench.store), base.txid), base.sequence, 6);
      expect([state[1], state[2]]).toEqual([pageOf(6), pageOf(500)]);
    }
  });

  it("cuts an incomplete record off, durably, and counts a complete one as committed", async () => {
    for (const complete of [false, true]) {
      const files = await left(2, 0);
      const { log } = openLogAgain(files, resumed(await recover(files)));
      for (let i = 0; i < 100; i += 1) log.write(2, pageOf(i));
      if (complete) log.completeRecord();
      files.fs.kill();
      const recovery = resumed(await recover(files));
      expect(recovery.log.sequence).toBe(complete ? 3 : 2);
      expect(files.fs.stat(`${DIR}/log-00000000000000`)?.size).toBe(recovery.log.endOffset);
      files.fs.crash(new SeededRandom(1));
      expect(resumed(await recover(files)).log.sequence).toBe(complete ? 3 : 2);
    }
  });

  it("makes what it found durable, in all segments", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const files = await left(5, 1, { log: { segmentBytes: 1 } });
      expect(resumed(await recover(files)).log.sequence).toBe(5);
      files.fs.crash(new SeededRandom(seed));
      expect(resumed(await recover(files)).log.sequence).toBe(5);
    }
  });

  it("confirms an unconfirmed file that is in the replica, and goes on with the rest", async () => {
    const files = await dieInPut(3, 1, "after");
    expect(await recover(files)).toMatchObject({ kind: "none", replicaTxid: 2n });
    expect(files.fs.list(DIR)).toEqual([]);
  });

  it("confirms it also when the listing was made before it landed", async () => {
    const files = await dieInPut(3, 1, "after");
    const first = await files.bench.publisher.stored(0, tx(1), tx(1));
    const position = { txid: tx(1), fileChecksum: first?.trailer.fileChecksum ?? 0n, timestampMs: first?.header.timestampMs ?? 0 };
    expect(await recover(files, { position })).toMatchObject({ kind: "none", replicaTxid: 2n });
  });

  it("sends an unconfirmed file that is not there again, with the same bytes, before anything else", async () => {
    const files = await dieInPut(3, 1, "before");
    const { log, base } = resumed(await recover(files));
    expect([base.txid, base.sequence]).toEqual([1n, 1]);
    const position = { ...base };
    const { fs, bench: old } = files;
    const intent = old.intents.unconfirmed;
    const again = new Bench({ fs, runtime: old.runtime, position, nodeID: 0x99n, log: { recovered: log, base }, bucket: old.bucket });
    commit(again.log, 4, 3, { 2: pageOf(4) });
    await again.syncer.close();
    const stored = await again.publisher.stored(0, tx(2), tx(2));
    expect([stored?.trailer.fileChecksum, stored?.header.nodeID, stored?.file.size]).toEqual([
      intent?.fileChecksum,
      WRITER_ID,
      intent?.size,
    ]);
    expect(again.synced.map((s) => [s.txid, s.sequence])).toEqual([
      [2n, 3],
      [3n, 4],
    ]);
    expect((await readFiles(again.store)).map((f) => f.nodeID)).toEqual([WRITER_ID, WRITER_ID, 0x99n]);
  });

  it("takes its own put for done that lands only after the next process has begun", async () => {
    const files = await dieInPut(3, 1, "after");
    const { bench: old, fs } = files;
    const key = LAYOUT.key(0, tx(2), tx(2));
    const { body } = await old.store.get(key);
    await old.store.delete(key); // it is still on its way
    const { log, base } = resumed(await recover(files));
    const again = new Bench({ fs, runtime: old.runtime, position: base, nodeID: 0x99n, log: { recovered: log, base }, bucket: old.bucket });
    commit(again.log, 4, 3, { 2: pageOf(4) });
    await old.store.put(key, body);
    expect(await again.syncer.sync(4)).toBe(3n);
    expect(again.fenced).toEqual([]);
    expect(stateAt(await readFiles(again.store), 3n)[1]).toEqual(pageOf(4));
    expect((await old.store.get(key)).body).toEqual(body);
    await again.syncer.close();
  });

  it("refuses to put other bytes for an unconfirmed file, and keeps all", async () => {
    const files = await dieInPut(3, 1, "before");
    const { log, base } = resumed(await recover(files));
    await changeIntent(files.fs);
    const changed = new Bench({ fs: files.fs, runtime: files.bench.runtime, position: base, log: { recovered: log, base } });
    await expect(changed.syncer.sync(3)).rejects.toMatchObject({ code: "NOT_DURABLE" });
    expect(changed.failures[0]).toMatchObject({ retryInMs: Number.POSITIVE_INFINITY });
    expect(await readFiles(changed.store)).toEqual([]);
  });

  it("sets the rest aside when another writer's transactions follow, with base and time in the name", async () => {
    const files = await left(4, 2);
    await putOther(files.bench, 2);
    const recovery = await recover(files);
    expect(recovery).toMatchObject({
      kind: "setAside",
      reason: "superseded",
      baseTxid: 1n,
      transactions: 2,
      owner: "host:1:aa",
      replicaTxid: 2n,
    });
    if (recovery.kind !== "setAside") return;
    expect(recovery.path).toMatch(/^\/db\/buffer-aside-0000000000000001-2023\d{4}T\d{9}Z$/);
    expect(await inspectBuffer(files.fs, recovery.path)).toMatchObject({ baseTxid: 1n, transactions: 2, pages: 3, identity: IDENTITY });
    expect(files.fs.list(DIR)).toEqual([]);
    expect(await recover(files)).toMatchObject({ kind: "none" });
    expect(listSetAside(files.fs, DIR)).toEqual([recovery.path]);
  });

  it("after an unconfirmed file that is ours and another writer's after it, only what came later is stranded", async () => {
    const files = await dieInPut(3, 1, "after");
    await putOther(files.bench, 3);
    expect(await recover(files)).toMatchObject({ kind: "none", replicaTxid: 3n });
  });

  it("sets aside when the unconfirmed TXID is another writer's", async () => {
    const files = await dieInPut(3, 1, "before");
    await putOther(files.bench, 2);
    expect(await recover(files)).toMatchObject({ kind: "setAside", reason: "superseded", transactions: 2 });
    const early = await dieInPut(3, 1, "before");
    const position = { txid: tx(1), fileChecksum: 0n, timestampMs: 0 };
    await putOther(early.bench, 2);
    expect(await recover(early, { position })).toMatchObject({ kind: "setAside", reason: "superseded", replicaTxid: 2n });
  });

  it("says that it is unknown when the unconfirmed file is gone and the replica went on", async () => {
    const files = await dieInPut(3, 1, "after");
    await putOther(files.bench, 3);
    const position = { txid: tx(3), fileChecksum: 1n, timestampMs: 1 };
    await files.bench.store.delete(LAYOUT.key(0, tx(2), tx(2)));
    expect(await recover(files, { position })).toMatchObject({ kind: "setAside", reason: "unknown", transactions: 2, baseTxid: 1n });
  });

  it("knows its base after a compaction, by the timestamp", async () => {
    const files = await left(3, 1);
    const stored = await files.bench.publisher.stored(0, tx(1), tx(1));
    const bytes = (await files.bench.store.get(LAYOUT.key(0, tx(1), tx(1)))).body;
    const merged = mergeLtx([bytes]);
    const { timestampMs } = merged.header;
    await files.bench.store.delete(LAYOUT.key(0, tx(1), tx(1)));
    const position = { txid: tx(1), fileChecksum: (stored?.trailer.fileChecksum ?? 0n) ^ 1n, timestampMs };
    expect(resumed(await recover(files, { position })).log.transactions).toHaveLength(2);
  });

  it("sets aside when the replica is not the one that the log builds on", async () => {
    const reset = await left(3, 1);
    const position = { txid: tx(1), fileChecksum: 1n, timestampMs: 1 };
    await reset.bench.store.delete(LAYOUT.key(0, tx(1), tx(1)));
    expect(await recover(reset, { position })).toMatchObject({ kind: "setAside", reason: "replica-changed" });
    const behind = await left(3, 1);
    await behind.bench.store.delete(LAYOUT.key(0, tx(1), tx(1)));
    expect(await recover(behind)).toMatchObject({ kind: "setAside", reason: "replica-changed", replicaTxid: 0n });
  });

  it("refuses another database's buffer, or another page size, and leaves it as it is", async () => {
    const files = await left(2, 0);
    const names = files.fs.list(DIR);
    await expect(recover(files, { identity: "memory:other" })).rejects.toMatchObject({ code: "BUFFER_FOREIGN" });
    await expect(recover(files, { pageSize: 4096 })).rejects.toMatchObject({ code: "BUFFER_FOREIGN" });
    expect(files.fs.list(DIR)).toEqual(names);
    expect(resumed(await recover(files)).log.sequence).toBe(2);
  });

  it("passes on that the store can't be asked about an unconfirmed file, and changes nothing", async () => {
    const files = await dieInPut(3, 1, "before");
    const publisher = {
      ...files.bench.publisher,
      stored: () => Promise.reject(Object.assign(new Error("down"), { isHeadwaterError: true, code: "STORE_UNAVAILABLE" })),
    };
    await expect(recover(files, { publisher })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(resumed(await recover(files)).base.txid).toBe(1n);
  });

  it("finishes a move that a crash interrupted, at any call of it", async () => {
    for (let n = 1; n < 60; n += 1) {
      const files = await left(6, 1, { log: { segmentBytes: 1 } });
      await putOther(files.bench, 2);
      files.fs.failNext("any", n, "EIO");
      let path: string | undefined;
      try {
        const recovery = await recover(files);
        if (recovery.kind === "setAside") path = recovery.path;
      } catch (error) {
        expect(error).toMatchObject({ code: "BUFFER_UNWRITABLE" });
        files.fs.kill();
      }
      const done = !files.fs.failurePending;
      files.fs.kill();
      const next = await recover(files);
      path ??= next.kind === "setAside" ? next.path : next.finishedSetAside;
      if (path === undefined) return expect.fail(`n=${n}: nothing was set aside`);
      expect(await inspectBuffer(files.fs, path)).toMatchObject({ transactions: 5, baseTxid: 1n });
      expect(files.fs.list(DIR)).toEqual([]);
      if (!done) return;
    }
    expect.fail("the sweep has no end");
  });
});

describe("inspectBuffer", () => {
  it("says what is in there, and changes nothing", async () => {
    const { fs } = await left(5, 2);
    const names = fs.list(DIR);
    expect(await inspectBuffer(fs, DIR)).toMatchObject({
      identity: IDENTITY,
      owner: "host:1:aa",
      pageSize: PAGE_SIZE,
      baseTxid: 1n,
      transactions: 3,
      pages: 3,
      commit: 3,
    });
    expect(fs.list(DIR)).toEqual(names);
    expect(await inspectBuffer(fs, "/db/none")).toBeUndefined();
    const pending = await dieInPut(3, 1, "before");
    expect(await inspectBuffer(pending.fs, DIR)).toMatchObject({ unconfirmedTxid: 2n, transactions: 2 });
  });
});

function openLogAgain(files: Left, { log, base }: Recovery & { kind: "resume" }): ReturnType<typeof openLog> {
  return openLog(files.fs, { recovered: log, base });
}

/** Changes the checksum in an unconfirmed intent, as if another release's encoder had made the file. */
async function changeIntent(fs: MemoryFileSystem): Promise<void> {
  const file = IntentFile.open(fs, DIR);
  const intent = file.unconfirmed;
  file.close();
  fs.remove(`${DIR}/intent`);
  const changed = IntentFile.open(fs, DIR);
  if (intent !== undefined) await changed.write({ ...intent, fileChecksum: intent.fileChecksum ^ 1n });
  changed.close();
}
