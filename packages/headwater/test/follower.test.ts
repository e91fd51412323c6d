import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { scratch, until } from "./support/scratch.js";

describe("a reader beside a writer", () => {
  it("sees one TXID within a transaction, and the next one in the next transaction", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n); insert into t values (1)");
    await db.sync();
    await using reader = await open(url, { pollIntervalMs: 0 });
    await reader.transaction(async (tx) => {
      expect(await tx.get("select count(*) as n from t")).toEqual({ n: 1 });
      await db.run("insert into t values (2)");
      const txid = await db.sync();
      expect(await reader.refresh()).toBe(txid);
      expect(await tx.get("select count(*) as n from t")).toEqual({ n: 1 });
    });
    expect(await reader.get("select count(*) as n from t")).toEqual({ n: 2 });
  });

  it("polls by itself, and waits for a TXID", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n)");
    await db.sync();
    await using reader = await open(url, { pollIntervalMs: 10 });
    await db.run("insert into t values (1)");
    const txid = await db.sync();
    await reader.waitFor(txid);
    expect(await reader.get("select count(*) as n from t")).toEqual({ n: 1 });
    expect(reader.status.txid).toBe(txid);
    await expect(reader.waitFor("ffffffffffffffff", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("follows a database that shrinks and grows, with a warm cache", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("pragma auto_vacuum = full; create table t (n integer primary key, b blob)");
    await db.sync();
    await using reader = await open(url, { pollIntervalMs: 0 });
    for (let round = 0; round < 4; round += 1) {
      await db.exec(
        `with recursive c(n) as (select 1 union all select n + 1 from c where n < 300) insert into t select n, randomblob(900) from c`,
      );
      await db.sync();
      await reader.refresh();
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(await reader.get("select count(*) as n from t")).toEqual({ n: 300 });
      const grown = reader.status.pageCount;
      await db.exec("delete from t");
      await db.sync();
      await reader.refresh();
      expect(await reader.get("select count(*) as n from t")).toEqual({ n: 0 });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(reader.status.pageCount).toBeLessThan(grown);
    }
  });

  it.each([false, true])("keeps every row readable after incremental_vacuum(1), hydrated: %s", async (hydration) => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec(`pragma auto_vacuum = incremental; create table t (n integer primary key, b blob);
      with recursive c(n) as (select 1 union all select n + 1 from c where n < 200) insert into t select n, randomblob(900) from c`);
    await db.sync();
    await using reader = await open(url, { pollIntervalMs: 0, hydration });
    if (hydration) await reader.hydrated();
    await db.exec("delete from t where n % 3 <> 0");
    for (let step = 0; step < 5; step += 1) {
      await db.exec("pragma incremental_vacuum(1)");
      await db.sync();
      await reader.refresh();
      expect(await reader.get("select count(*) as n, sum(length(b)) as s from t")).toEqual({ n: 66, s: 59_400 });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    }
    expect(reader.status.pageCount).toBe(db.status.pageCount);
  });

  it("keeps SQLite's cache while nothing changes: a repeated query asks for nothing", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n integer primary key, b text)");
    await db.exec(
      "with recursive c(n) as (select 1 union all select n + 1 from c where n < 2000) insert into t select n, hex(randomblob(100)) from c",
    );
    await db.sync();
    await using reader = await open(url, { pollIntervalMs: 0, cache: { maxBytes: 0 } });
    await reader.get("select b from t where n = 1234");
    const before = reader.status.requests.get.count;
    for (let i = 0; i < 100; i += 1) await reader.get("select b from t where n = 1234");
    expect(reader.status.requests.get.count).toBe(before);
  });
});

describe("a writer", () => {
  it("reads its own commits before and after they are synced, whatever is cached", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer({ cache: { maxBytes: 0 }, syncIntervalMs: 5 }));
    await db.exec("create table t (n integer primary key, b text); pragma cache_size = 1");
    for (let n = 1; n <= 200; n += 1) {
      await db.run("insert into t values (?, ?)", [n, "x".repeat(300)]);
      expect(await db.get("select count(*) as n from t")).toEqual({ n });
    }
    await db.sync();
    await until("everything is adopted", () => db.status.sync.pendingTransactions === 0);
    expect(await db.get("select count(*) as n, sum(length(b)) as s from t")).toEqual({ n: 200, s: 60_000 });
    expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});
