import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { scratch, until } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

describe('durability: "commit"', () => {
  it("returns from the statement that commits once its commit is in the replica", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer({ durability: "commit" }));
    await db.exec("create table t (n integer primary key)");
    expect(db.status.sync.durableTxid).toBe("0000000000000001");
    await using reader = await open(url, { pollIntervalMs: 0 });
    const rows = async (): Promise<unknown> => {
      await reader.refresh();
      return (await reader.all<{ n: number }>("select n from t order by n")).map(({ n }) => n);
    };
    await db.run("insert into t values (1)");
    expect(await rows()).toEqual([1]);
    expect(await db.get("insert into t values (2) returning n")).toEqual({ n: 2 });
    expect(await rows()).toEqual([1, 2]);
    await db.all("insert into t values (3) returning n");
    expect(await rows()).toEqual([1, 2, 3]);
    for await (const _ of db.iterate("insert into t values (4) returning n"));
    expect(await rows()).toEqual([1, 2, 3, 4]);
    await db.transaction(async (tx) => {
      await tx.run("insert into t values (5)");
      await tx.run("insert into t values (6)");
    });
    expect(await rows()).toEqual([1, 2, 3, 4, 5, 6]);
    // It fails at its second row, and its first one is committed.
    await expect(db.run("insert or fail into t values (7), (1)")).rejects.toMatchObject({ code: "SQLITE_CONSTRAINT_PRIMARYKEY" });
    expect(await rows()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("holds nothing while it waits, and those who commit during one put share the next", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    await using db = await open(server.url, writer({ durability: "commit", store: server.store }));
    await db.exec("create table t (n integer primary key)");
    const before = db.status.sync.durableTxid;
    server.putDelayMs = 300;
    const first = db.run("insert into t values (0)");
    const puts = server.count("puts");
    await until("the put is under way", () => server.count("puts") > puts);
    let done = false;
    const others = Promise.all(Array.from({ length: 100 }, (_, n) => db.run("insert into t values (?)", [n + 1]))).then(() => {
      done = true;
    });
    // A read goes through at once, and sees what waits for its upload.
    await until("all are committed here", async () => (await db.get<{ n: number }>("select count(*) as n from t"))?.n === 101);
    expect(done).toBe(false);
    await Promise.all([first, others]);
    // One for the first and one for all others, or a few where the machine is too slow to send them during one put.
    expect(Number(BigInt(`0x${db.status.sync.durableTxid}`) - BigInt(`0x${before}`))).toBeLessThan(10);
  });

  it("says that the commit is done here when it can't be confirmed in time, and uploads it later", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    await using db = await open(server.url, writer({ durability: "commit", store: server.store, remoteTimeoutMs: 300 }));
    await db.exec("create table t (n)");
    server.fault = "down";
    const failure = await db.run("insert into t values (1)").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "NOT_DURABLE", cause: { code: "STORE_UNAVAILABLE" } });
    expect((failure as Error).message).toMatch(/done here.*buffer.*still being retried/);
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 1 });
    server.fault = "none";
    expect(await db.durable()).toBe("0000000000000002");
  });

  it("says so at once when access is denied, with that as the cause", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    await using db = await open(server.url, writer({ durability: "commit", store: server.store }));
    await db.exec("create table t (n)");
    server.fault = "denied";
    await expect(db.run("insert into t values (1)")).rejects.toMatchObject({ code: "NOT_DURABLE", cause: { code: "STORE_DENIED" } });
    server.fault = "none";
    expect(await db.sync()).toBe("0000000000000002");
  });

  it("blocks the thread of openSync()", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    server.putDelayMs = 50;
    using db = openSync(server.url, writer({ durability: "commit", store: server.store, remoteTimeoutMs: 500 }));
    db.exec("create table t (n)");
    expect(db.status.sync).toMatchObject({ durableTxid: "0000000000000001", pendingTransactions: 0 });
    db.prepare("insert into t values (?)").run(1);
    expect(db.status.sync.durableTxid).toBe("0000000000000002");
    expect([...db.prepare("insert into t values (2) returning n").iterate()]).toEqual([{ n: 2 }]);
    expect(db.status.sync.durableTxid).toBe("0000000000000003");
    db.transaction(() => {
      for (let n = 0; n < 5; n += 1) db.prepare("insert into t values (?)").run(n);
    })();
    expect(db.status.sync.durableTxid).toBe("0000000000000004");
    server.fault = "down";
    expect(() => db.exec("insert into t values (3)")).toThrow(expect.objectContaining({ code: "NOT_DURABLE" }));
    server.fault = "none";
    expect(db.durable()).toBe("0000000000000005");
  });
});

describe("the lag of a writer", () => {
  it("is that of its oldest commit that is not in the replica, also while more are made without a pause", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer({ syncIntervalMs: 50 }));
    await db.exec("create table t (n)");
    let lagMs = 0;
    const end = performance.now() + 1000;
    while (performance.now() < end) {
      await db.run("insert into t values (1)");
      lagMs = Math.max(lagMs, db.status.sync.lagMs);
    }
    expect(lagMs).toBeGreaterThan(0);
    // Never that of the first commit of all.
    expect(db.status.sync.lagMs).toBeLessThan(900);
    await db.sync();
    await until("nothing is pending", () => db.status.sync.pendingTransactions === 0);
    expect(db.status.sync.lagMs).toBe(0);
  });
});
