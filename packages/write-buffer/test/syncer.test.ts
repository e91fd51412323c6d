import { HeadwaterError, type TXID } from "@headwater/core";
import { type MemoryFileSystem, testSeed } from "@headwater/core/testing";
import { encodeLtx } from "@headwater/ltx";
import { MemoryBucket } from "@headwater/object-store";
import type { StoreCall } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { commit, pageOf } from "./support.js";
import { Bench, type BenchOptions, LAYOUT, readFiles, stateAt } from "./sync-support.js";

testSeed("syncer");

/** A promise that the test settles. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Lets what is ready run, without moving the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

function unavailable(): HeadwaterError {
  return new HeadwaterError("STORE_UNAVAILABLE", "test");
}

/** A store whose puts fail as told. */
function failing(when: (call: StoreCall) => Error | undefined, side: "before" | "after" = "before"): BenchOptions["hooks"] & object {
  return {
    [side]: (call: StoreCall) => {
      const error = when(call);
      if (error !== undefined) throw error;
    },
  };
}

describe("when to upload", () => {
  it("uploads a commit within the interval, and nothing before", async () => {
    const bench = new Bench({ syncIntervalMs: 1000 });
    commit(bench.log, 1, 2, { 2: pageOf(2) });
    bench.syncer.notifyCommit();
    await bench.runtime.advance(999);
    expect(bench.synced).toEqual([]);
    expect(bench.syncer.lagMs).toBe(999);
    await bench.runtime.advance(1);
    await until(() => bench.synced.length === 1);
    expect(bench.synced[0]).toMatchObject({ txid: 1n, sequence: 1, transactions: 1, commit: 2 });
    expect(bench.syncer.lagMs).toBeUndefined();
    await bench.runtime.advance(10_000);
    expect(bench.synced).toHaveLength(1);
    await bench.syncer.close();
  });

  it("makes one put of an interval for 100 who wait with durable()", async () => {
    let puts = 0;
    const hooks = {
      before: ({ kind }: StoreCall) => {
        if (kind === "put") puts += 1;
      },
    };
    const bench = new Bench({ hooks });
    const waiting: Promise<TXID>[] = [];
    for (let i = 1; i <= 100; i += 1) {
      const sequence = commit(bench.log, i, 2, { 2: pageOf(i) });
      bench.syncer.notifyCommit();
      waiting.push(bench.syncer.durable(sequence));
      await bench.runtime.advance(15);
    }
    await bench.runtime.advance(1000);
    const txids = await Promise.all(waiting);
    expect(puts).toBe(2);
    expect(new Set(txids)).toEqual(new Set([1n, 2n]));
    await bench.syncer.close();
  });

  it("with interval 0, uploads for sync(), durable() and close() only", async () => {
    const bench = new Bench({ syncIntervalMs: 0 });
    commit(bench.log, 1, 1, {});
    bench.syncer.notifyCommit();
    await bench.runtime.advance(100_000);
    expect(bench.synced).toEqual([]);
    expect(await bench.syncer.sync(1)).toBe(1n);
    commit(bench.log, 2, 1, {});
    expect(await bench.syncer.durable(2)).toBe(2n);
    commit(bench.log, 3, 1, {});
    await bench.syncer.close();
    expect(bench.synced.map((s) => s.txid)).toEqual([1n, 2n, 3n]);
  });

  it("answers sync() for what is in the replica already with the TXID that holds it", async () => {
    const bench = new Bench();
    expect(await bench.syncer.sync(0)).toBe(0n);
    commit(bench.log, 1, 1, {});
    commit(bench.log, 2, 1, {});
    expect(await bench.syncer.sync(2)).toBe(1n);
    commit(bench.log, 3, 1, {});
    expect(await bench.syncer.sync(3)).toBe(2n);
    expect([await bench.syncer.sync(1), await bench.syncer.durable(2)]).toEqual([1n, 1n]);
    await expect(bench.syncer.sync(4)).rejects.toMatchObject({ code: "BAD_OPTION" });
    await bench.syncer.close();
  });

  it("takes commits during a slow put into the next file; the first equals the state at its own commit", async () => {
    const slow = gate();
    const bench = new Bench({
      hooks: { before: (call) => (call.kind === "put" && call.key.includes("-0000000000000001") ? slow.opened : undefined) },
    });
    commit(bench.log, 1, 3, { 2: pageOf(2), 3: pageOf(3) });
    const first = bench.syncer.sync(1);
    await settle();
    for (let i = 2; i <= 6; i += 1) commit(bench.log, i, 3, { 2: pageOf(i * 10) });
    const joined = bench.syncer.sync(1);
    const second = bench.syncer.sync(6);
    slow.open();
    expect([await first, await joined, await second]).toEqual([1n, 1n, 2n]);
    expect(bench.synced.map((s) => [s.sequence, s.transactions])).toEqual([
      [1, 1],
      [6, 5],
    ]);
    const files = await readFiles(bench.store);
    expect(stateAt(files, 1n)[1]).toEqual(pageOf(2));
    expect(stateAt(files, 2n)[1]).toEqual(pageOf(60));
    await bench.syncer.close();
  });

  it("splits what is above the limit at a transaction, and goes on at once", async () => {
    const bench = new Bench({ limitBytes: 4 * 512 });
    for (let i = 1; i <= 4; i += 1) commit(bench.log, i, 8, { 2: pageOf(i), [i + 2]: pageOf(i), [i + 3]: pageOf(i), [i + 4]: pageOf(i) });
    bench.syncer.notifyCommit();
    await bench.runtime.advance(1000);
    await until(() => bench.syncer.position.sequence === 4);
    expect(bench.synced.map((s) => s.transactions)).toEqual([1, 1, 1, 1]);
    await bench.syncer.close();
  });

  it("gives files of one clock tick timestamps that rise", async () => {
    const bench = new Bench({ position: { txid: 0n as TXID, commit: 0, timestampMs: 1_700_000_000_500 } });
    for (let i = 1; i <= 3; i += 1) {
      commit(bench.log, i, 1, {});
      await bench.syncer.sync(i);
    }
    expect((await readFiles(bench.store)).map((f) => f.timestampMs - 1_700_000_000_500)).toEqual([1, 2, 3]);
    await bench.syncer.close();
  });
});

describe("failures of the store", () => {
  for (const side of ["before", "after"] as const) {
    for (const mode of ["transient", "persistent"] as const) {
      it(`request ${side === "before" ? "lost" : "done, its reply lost"}, ${mode === "transient" ? "once" : "for ever"}: no hole, nothing twice, nothing lost`, async () => {
        for (let nth = 1, hits = 1; hits > 0; nth += 1) {
          hits = 0;
          let calls = 0;
          let healed = false;
          const hooks = failing((): Error | undefined => {
            calls += 1;
            if (healed || calls < nth || (mode === "transient" && calls > nth)) return undefined;
            hits += 1;
            return unavailable();
          }, side);
          const bench = new Bench({ hooks });
          for (let i = 1; i <= 3; i += 1) {
            commit(bench.log, i, 2, { 2: pageOf(i) });
            bench.syncer.notifyCommit();
            await bench.runtime.advance(2000);
          }
          const before = await readFiles(bench.store);
          expect(before.length).toBeGreaterThanOrEqual(bench.synced.length);
          if (mode === "persistent" && hits > 0) expect(bench.failures.length).toBeGreaterThan(2);
          healed = true;
          const done = bench.syncer.close();
          await done;
          const files = await readFiles(bench.store);
          expect(files.map((f) => Number(f.txid))).toEqual(files.map((_, i) => i + 1));
          expect(stateAt(files, bench.syncer.position.txid)[1]).toEqual(pageOf(3));
          expect(bench.synced.reduce((sum, s) => sum + s.transactions, 0)).toBe(3);
          for (const { txid, commit: size } of bench.synced) expect(files[Number(txid) - 1]?.commit).toBe(size);
          expect(bench.fenced).toEqual([]);
        }
      });
    }
  }

  it("takes a put whose reply was lost for done, without another put", async () => {
    let puts = 0;
    const hooks = failing((call) => {
      if (call.kind !== "put") return undefined;
      puts += 1;
      return puts === 1 ? unavailable() : undefined;
    }, "after");
    const bench = new Bench({ hooks });
    commit(bench.log, 1, 1, {});
    expect(await bench.syncer.sync(1)).toBe(1n);
    expect([puts, bench.failures.length]).toEqual([1, 0]);
    expect(bench.synced[0]?.file.size).toBe(bench.synced[0]?.encoded.bytes.byteLength);
    await bench.syncer.close();
  });

  it("sends the same bytes again, whatever was committed meanwhile", async () => {
    const bodies: string[] = [];
    let down = true;
    const bench = new Bench({
      hooks: failing((call) => (call.kind === "put" && down ? unavailable() : undefined)),
      beforeAttempt: () => {
        const { unconfirmed } = bench.intents;
        bodies.push(`${unconfirmed?.txid} ${unconfirmed?.fileChecksum} ${unconfirmed?.size} ${unconfirmed?.timestampMs}`);
        return Promise.resolve();
      },
    });
    commit(bench.log, 1, 1, {});
    await expect(Promise.all([bench.syncer.sync(1), bench.runtime.advance(60_000)])).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    for (let i = 2; i <= 5; i += 1) commit(bench.log, i, 2, { 2: pageOf(i) });
    await bench.runtime.advance(60_000);
    expect(bodies.length).toBeGreaterThan(5);
    expect(new Set(bodies).size).toBe(1);
    down = false;
    expect(await bench.syncer.sync(5)).toBe(2n);
    expect(bench.synced.map((s) => s.sequence)).toEqual([1, 5]);
    await bench.syncer.close();
  });

  it("rejects sync() at the third failure in a row, and durable() never; the background goes on", async () => {
    let down = true;
    const bench = new Bench({ hooks: failing(() => (down ? unavailable() : undefined)) });
    commit(bench.log, 1, 1, {});
    const outcome = bench.syncer.sync(1).then(
      () => "resolved",
      (error: HeadwaterError) => error.code,
    );
    const durable = bench.syncer.durable(1);
    await bench.runtime.advance(100_000);
    expect(await outcome).toBe("STORE_UNAVAILABLE");
    const failures = bench.failures.length;
    expect(failures).toBeGreaterThan(3);
    expect(bench.failures.map((f) => f.retryInMs).every((ms, i) => ms >= 50 * 2 ** Math.min(i, 8) && ms <= 30_000)).toBe(true);
    expect(bench.failures[3]?.sinceMs).toBeGreaterThan(0);
    expect(bench.syncer.lastError?.code).toBe("STORE_UNAVAILABLE");
    down = false;
    await bench.runtime.advance(30_000);
    expect(await durable).toBe(1n);
    expect(bench.syncer.lastError).toBeUndefined();
    await bench.syncer.close();
  });

  for (const code of ["STORE_DENIED", "STORE_NO_BUCKET"] as const) {
    it(`reports ${code} at once, to sync() and to onFailed, and goes on trying`, async () => {
      let down = true;
      const bench = new Bench({ hooks: failing((call) => (call.kind === "put" && down ? new HeadwaterError(code, "test") : undefined)) });
      commit(bench.log, 1, 1, {});
      await expect(bench.syncer.sync(1)).rejects.toMatchObject({ code });
      expect(bench.failures.map((f) => f.error.code)).toEqual([code]);
      down = false;
      await bench.runtime.advance(1000);
      await until(() => bench.synced.length === 1);
      await bench.syncer.close();
    });
  }

  it("tries again after 409, without asking what is there", async () => {
    const kinds: string[] = [];
    const hooks = failing((call) => {
      kinds.push(call.kind);
      return kinds.length === 1 ? new HeadwaterError("STORE_CONFLICT", "test") : undefined;
    });
    const bench = new Bench({ hooks });
    commit(bench.log, 1, 1, {});
    const done = bench.syncer.sync(1);
    await bench.runtime.advance(1000);
    expect([await done, kinds]).toEqual([1n, ["put", "put"]]);
    await bench.syncer.close();
  });

  it("starts at once for a new sync(), also while waiting to try again", async () => {
    let down = true;
    const bench = new Bench({ hooks: failing((call) => (call.kind === "put" && down ? unavailable() : undefined)) });
    commit(bench.log, 1, 1, {});
    bench.syncer.notifyCommit();
    await bench.runtime.advance(100_000);
    down = false;
    expect(await bench.syncer.sync(1)).toBe(1n);
    await bench.syncer.close();
  });

  it("fails an attempt whose lease check throws, and tries again", async () => {
    let checks = 0;
    const beforeAttempt = (): Promise<void> => {
      checks += 1;
      return checks === 1 ? Promise.reject(new HeadwaterError("LEASE_HELD", "test")) : Promise.resolve();
    };
    const bench = new Bench({ beforeAttempt });
    commit(bench.log, 1, 1, {});
    const done = bench.syncer.sync(1);
    await bench.runtime.advance(1000);
    expect(await done).toBe(1n);
    expect(bench.failures.map((f) => f.error.code)).toEqual(["LEASE_HELD"]);
    await bench.syncer.close();
  });

  it("retries failures of the local files too", async () => {
    const bench = new Bench();
    commit(bench.log, 1, 1, {});
    (bench.fs as MemoryFileSystem).failNext("sync");
    const done = bench.syncer.sync(1);
    await bench.runtime.advance(1000);
    expect(await done).toBe(1n);
    expect(bench.failures.map((f) => f.error.code)).toEqual(["BUFFER_UNWRITABLE"]);
    await bench.syncer.close();
  });
});

describe("another writer", () => {
  async function withOther(bucket: MemoryBucket): Promise<Uint8Array> {
    const other = encodeLtx({
      header: { pageSize: 512, commit: 1, minTXID: 1n as TXID, maxTXID: 1n as TXID, timestampMs: 5, nodeID: 0xeen },
      pages: [{ pgno: 1 as never, data: pageOf(99) }],
    });
    const bench = new Bench({ bucket });
    await bench.store.put(LAYOUT.key(0, 1n as TXID, 1n as TXID), other.bytes);
    return other.bytes;
  }

  it("is fenced by another's object at its TXID, which stays as it is", async () => {
    const bucket = new MemoryBucket();
    const theirs = await withOther(bucket);
    const bench = new Bench({ bucket });
    commit(bench.log, 1, 1, {});
    const durable = bench.syncer.durable(1);
    const rejected = expect(durable).rejects.toMatchObject({ code: "FENCED" });
    await expect(bench.syncer.sync(1)).rejects.toMatchObject({
      code: "FENCED",
      localTxid: "0000000000000000",
      remoteTxid: "0000000000000001",
    });
    await rejected;
    expect(bench.fenced).toHaveLength(1);
    expect((await bench.store.get(LAYOUT.key(0, 1n as TXID, 1n as TXID))).body).toEqual(theirs);
    bench.syncer.notifyCommit();
    await bench.runtime.advance(60_000);
    expect(bench.failures).toEqual([]);
    await expect(bench.syncer.sync(1)).rejects.toMatchObject({ code: "FENCED" });
    await expect(bench.syncer.close()).rejects.toMatchObject({ code: "FENCED" });
    expect(bench.log.pendingTransactions).toBe(1);
  });

  it("is fenced by what is no LTX file, and by a taken key that is gone when it looks", async () => {
    const bench = new Bench();
    await bench.store.put(LAYOUT.key(0, 1n as TXID, 1n as TXID), pageOf(1));
    commit(bench.log, 1, 1, {});
    await expect(bench.syncer.sync(1)).rejects.toMatchObject({ code: "FENCED" });

    const gone = new Bench({
      hooks: failing((call) => (call.kind === "put" ? new HeadwaterError("STORE_PRECONDITION", "test") : undefined)),
    });
    commit(gone.log, 1, 1, {});
    await expect(gone.syncer.sync(1)).rejects.toMatchObject({ code: "FENCED" });
    expect(await readFiles(gone.store)).toEqual([]);
  });

  it("asks again when it could not look at a taken key", async () => {
    let asked = 0;
    const bench = new Bench({
      hooks: failing((call) => {
        if (call.kind === "put" && call.number === 1) return undefined;
        if (call.kind === "head") asked += 1;
        return call.kind === "head" && asked === 1 ? unavailable() : undefined;
      }),
    });
    commit(bench.log, 1, 1, {});
    await bench.store.put(LAYOUT.key(0, 1n as TXID, 1n as TXID), pageOf(1));
    const done = bench.syncer.sync(1);
    const rejected = expect(done).rejects.toMatchObject({ code: "FENCED" });
    await bench.runtime.advance(1000);
    await rejected;
    expect(bench.failures.map((f) => f.error.code)).toEqual(["STORE_UNAVAILABLE"]);
  });
});

describe("close", () => {
  it("uploads what is left, is idempotent, and refuses what comes after", async () => {
    const bench = new Bench();
    commit(bench.log, 1, 1, {});
    const closing = bench.syncer.close();
    expect(bench.syncer.close()).toBe(closing);
    await closing;
    expect(await readFiles(bench.store)).toHaveLength(1);
    commit(bench.log, 2, 1, {});
    await expect(bench.syncer.sync(2)).rejects.toMatchObject({ code: "CLOSED" });
    bench.syncer.notifyCommit();
    await bench.runtime.advance(60_000);
    expect(await readFiles(bench.store)).toHaveLength(1);
  });

  it("rejects when storage is down, and the buffer keeps it all", async () => {
    const bench = new Bench({ hooks: failing(() => unavailable()) });
    commit(bench.log, 1, 1, {});
    const closing = expect(bench.syncer.close()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await bench.runtime.advance(10_000);
    await closing;
    expect(bench.log.pendingTransactions).toBe(1);
    expect(bench.runtime.sleeping).toBe(0);
    bench.log.close();
    expect(bench.fs.list("/db/buffer")).toHaveLength(2);
  });

  it("with a deadline, tries until then; a hanging put does not hold it", async () => {
    let puts = 0;
    const hooks = failing((call) => {
      if (call.kind !== "put") return undefined;
      puts += 1;
      return unavailable();
    });
    const bench = new Bench({ hooks });
    commit(bench.log, 1, 1, {});
    const closing = expect(bench.syncer.close({ deadlineMs: 5000 })).rejects.toMatchObject({ code: "NOT_DURABLE" });
    await bench.runtime.advance(5000);
    await closing;
    expect(puts).toBeGreaterThan(3);

    const never = gate();
    const hanging = new Bench({ hooks: { before: () => never.opened } });
    commit(hanging.log, 1, 1, {});
    const late = expect(hanging.syncer.close({ deadlineMs: 1000 })).rejects.toMatchObject({ code: "NOT_DURABLE" });
    await hanging.runtime.advance(1000);
    await late;
    hanging.intents.close();
    never.open();
    await settle();
    expect(hanging.synced).toEqual([]);
  });
});
