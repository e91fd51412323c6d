import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { scratch } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

const ROW_BYTES = 10_000;
const insert = "insert into t values (?, randomblob(?))";

describe("the limit of the buffer", () => {
  it("makes commits wait for the sync, and loses nothing", async () => {
    const { url, dir } = scratch();
    await using db = await open(url, { write: true, syncIntervalMs: 0, buffer: { path: `${dir}/buffer`, maxBytes: 200_000 } });
    await db.exec("create table t (n integer primary key, b)");
    let most = 0;
    for (let n = 1; n <= 100; n += 1) {
      await db.run(insert, [n, ROW_BYTES]);
      most = Math.max(most, db.status.buffer.bytes);
    }
    expect(most).toBeLessThanOrEqual(200_000);
    expect(most).toBeGreaterThan(100_000);
    expect(db.status.requests.put.count).toBeGreaterThanOrEqual(5);
    await db.sync();
    await using reader = await open(url);
    expect(await reader.get("select count(*) as n from t")).toEqual({ n: 100 });
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  it("admits a transaction that is larger than it, and waits before that for what is unsynced", async () => {
    const { url, dir } = scratch();
    await using db = await open(url, { write: true, syncIntervalMs: 0, buffer: { path: `${dir}/buffer`, maxBytes: 50_000 } });
    await db.exec("create table t (n integer primary key, b)");
    const series = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 50)";
    await db.run(`${series} insert into t select n, randomblob(10000) from c`);
    expect(db.status.buffer.bytes).toBeGreaterThan(500_000);
    expect(db.status.sync.pendingTransactions).toBe(1);
    await db.run(insert, [51, ROW_BYTES]);
    expect(db.status.sync.pendingTransactions).toBe(1);
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 51 });
  });

  it("rolls a commit back at the deadline of an outage, keeps what was committed, and goes on when it is over", async () => {
    const server = await SmallS3.start();
    const { writer, dir } = scratch();
    const buffer = { path: `${dir}/buffer`, maxBytes: 200_000 };
    await using db = await open(server.url, writer({ store: server.store, syncIntervalMs: 20, buffer, remoteTimeoutMs: 200 }));
    await db.exec("create table t (n integer primary key, b)");
    await db.sync();
    server.fault = "down";
    let committed = 0;
    let failure: unknown;
    while (failure === undefined) {
      await db.run(insert, [committed + 1, ROW_BYTES]).then(
        () => {
          committed += 1;
        },
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toMatchObject({ code: "BUFFER_FULL", retryable: true, cause: { code: "SQLITE_FULL" } });
    expect(committed).toBeGreaterThanOrEqual(10);
    expect(db.status.buffer.bytes).toBeLessThanOrEqual(200_000);
    // Also one that spilled into the log before, and is rolled back from the journal.
    await expect(
      db.transaction(async (tx) => {
        await tx.exec("pragma cache_size=10");
        for (let n = 1; n <= 50; n += 1) await tx.run("insert into t values (?, randomblob(10000))", [1000 + n]);
      }),
    ).rejects.toMatchObject({ code: "BUFFER_FULL" });
    expect(await db.get("select count(*) as n, max(n) as top from t")).toEqual({ n: committed, top: committed });
    expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);

    server.fault = "none";
    await db.sync();
    await db.run(insert, [committed + 1, ROW_BYTES]);
    await db.sync();
    await using reader = await open(server.url, { store: server.store });
    expect(await reader.get("select count(*) as n, max(n) as top from t")).toEqual({ n: committed + 1, top: committed + 1 });
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  it("blocks the thread of openSync(), whose commit then goes through", async () => {
    const server = await SmallS3.start();
    const { writer, dir } = scratch();
    const buffer = { path: `${dir}/buffer`, maxBytes: 100_000 };
    server.putDelayMs = 20;
    using db = openSync(server.url, writer({ store: server.store, buffer }));
    db.exec("create table t (n integer primary key, b)");
    const statement = db.prepare(insert);
    for (let n = 1; n <= 40; n += 1) statement.run(n, ROW_BYTES);
    expect(db.status.buffer.bytes).toBeLessThanOrEqual(100_000);
    expect(server.count("puts")).toBeGreaterThanOrEqual(4);
  });
});
