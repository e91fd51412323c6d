import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { scratch, until } from "./support/scratch.js";

describe("open", () => {
  it("creates a database, writes at once, syncs, and reads it back elsewhere", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table notes (id integer primary key, body text)");
    const result = await db.run("insert into notes (body) values (?)", ["hello"]);
    expect(result).toMatchObject({ changes: 1, lastInsertRowid: 1, commit: 2 });
    expect(await db.get("select * from notes")).toEqual({ id: 1, body: "hello" });
    const txid = await db.sync();
    expect(txid).toBe("0000000000000001");

    await using reader = await open(url);
    expect(await reader.all("select * from notes")).toEqual([{ id: 1, body: "hello" }]);
    expect(reader.status).toMatchObject({ mode: "read", txid, pageSize: 4096 });
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  it("goes on from what an earlier writer left", async () => {
    const { url, writer } = scratch();
    for (let round = 1; round <= 3; round += 1) {
      await using db = await open(url, writer());
      await db.exec("create table if not exists t (n)");
      await db.run("insert into t values (?)", [round]);
      await db.close();
    }
    await using db = await open(url);
    expect(await db.all("select n from t order by n")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(db.status.txid).toBe("0000000000000003");
  });

  it("syncs by itself within the interval", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer({ syncIntervalMs: 20 }));
    const synced = new Promise((resolve) => db.once("sync", resolve));
    const { commit } = await db.run("create table t (n)");
    expect(await synced).toMatchObject({ txid: "0000000000000001", transactions: 1 });
    expect(await db.durable(commit)).toBe("0000000000000001");
    await until("nothing is pending", () => db.status.sync.pendingTransactions === 0);
    expect(db.status.sync).toMatchObject({ pendingBytes: 0, lagMs: 0, durableTxid: "0000000000000001" });
  });

  it("coalesces what was committed into one file", async () => {
    const { url, writer, replicaDir } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n)");
    await Promise.all(Array.from({ length: 100 }, (_, n) => db.run("insert into t values (?)", [n])));
    await db.sync();
    expect(readdirSync(path.join(replicaDir, "ltx", "0"))).toHaveLength(1);
    expect(db.status.requests.put.count).toBe(1);
  });

  it("removes the buffer's log once everything is synced, and the hydrated file on close", async () => {
    const { url, writer, dir } = scratch();
    const copy = path.join(dir, "copy.db");
    const db = await open(url, writer({ hydration: { path: copy } }));
    await db.exec("create table t (n); insert into t values (1)");
    await db.hydrated();
    expect(existsSync(copy)).toBe(true);
    await db.close();
    expect(existsSync(copy)).toBe(false);
    expect(db.status.mode).toBe("closed");
  });

  it("rejects everything after close, which may be called again", async () => {
    const { url, writer } = scratch();
    const db = await open(url, writer());
    await Promise.all([db.close(), db.close()]);
    await db.close();
    const closed = { code: "CLOSED" };
    await expect(db.get("select 1")).rejects.toMatchObject(closed);
    await expect(db.sync()).rejects.toMatchObject(closed);
    await expect(db.transaction(async () => 1)).rejects.toMatchObject(closed);
  });

  it("answers the first statement in the same tick as open resolves, and ten thousand in a row", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n integer primary key)");
    for (let n = 0; n < 10_000; n += 1) expect(await db.get("select ? as n", [n])).toEqual({ n });
  });

  it("iterates without holding all rows", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    const sql = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 100000) select n from c";
    let sum = 0;
    for await (const { n } of db.iterate<{ n: number }>(sql)) {
      sum += n;
      if (n === 1000) break;
    }
    expect(sum).toBe(500_500);
    expect((await db.all(sql)).length).toBe(100_000);
  });
});

describe("default options", () => {
  const before = process.env["XDG_STATE_HOME"];
  afterEach(() => {
    if (before === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = before;
  });

  it("keep the buffer at a stable path of the replica's own, and the row is there elsewhere", async () => {
    const { url, dir } = scratch();
    process.env["XDG_STATE_HOME"] = path.join(dir, "state");
    await using db = await open(url, { write: true });
    const { commit } = await db.run("create table t as select 7 as n");
    await db.durable(commit);
    await using reader = await open(url);
    expect(await reader.all("select n from t")).toEqual([{ n: 7 }]);
    expect(db.status.buffer.path).toMatch(/state[/\\]headwater[/\\][0-9a-f]{32}$/);
    expect(statSync(db.status.buffer.path ?? "").mode & 0o777).toBe(0o700);
  });
});

describe("close", () => {
  it("rejects and keeps the buffer when the last sync fails; the next open uploads it", async () => {
    const { url, writer, replicaDir } = scratch();
    const db = await open(url, writer());
    await db.exec("create table t (n); insert into t values (1)");
    // The store can't be written from here on.
    writeFileSync(replicaDir, "");
    await expect(db.close()).rejects.toMatchObject({ isHeadwaterError: true });
    await expect(db.close()).rejects.toMatchObject({ isHeadwaterError: true });
    rmSync(replicaDir);

    await using again = await open(url, writer());
    const recovered = new Promise((resolve) => again.once("recovered", resolve));
    expect(await recovered).toEqual({ transactions: 2 });
    expect(await again.all("select n from t")).toEqual([{ n: 1 }]);
    await again.sync();
    await using reader = await open(url);
    expect(await reader.all("select n from t")).toEqual([{ n: 1 }]);
  });
});

describe("transaction", () => {
  it("keeps other statements waiting, commits, and rolls back", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n)");
    const order: string[] = [];
    const tx = db.transaction(async (t) => {
      await t.run("insert into t values (1)");
      order.push("inside");
      expect(await t.get("select count(*) as n from t")).toEqual({ n: 1 });
      return "done";
    });
    const outside = db.get("select count(*) as n from t").then((row) => {
      order.push("outside");
      return row;
    });
    expect([await tx, await outside]).toEqual(["done", { n: 1 }]);
    expect(order).toEqual(["inside", "outside"]);

    const failure = new Error("no");
    await expect(
      db.transaction(async (t) => {
        await t.run("insert into t values (2)");
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 1 });
  });

  it("nests as savepoints", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await db.exec("create table t (n)");
    await db.transaction(async (t) => {
      await t.run("insert into t values (1)");
      await t.transaction(async (inner) => inner.run("insert into t values (2)"));
      await t
        .transaction(async (inner) => {
          await inner.run("insert into t values (3)");
          throw new Error("undone");
        })
        .catch(() => undefined);
    });
    expect(await db.all("select n from t order by n")).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("refuses its handle after its end", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    let leaked: { run(sql: string): Promise<unknown> } | undefined;
    await db.transaction(async (t) => {
      leaked = t;
    });
    await expect(leaked?.run("select 1")).rejects.toMatchObject({ code: "CLOSED" });
  });
});
