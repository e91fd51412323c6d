import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Credentials, type FencedError, open } from "../src/index.js";
import { commitWithoutSync } from "./support/committer.js";
import { scratch, until } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

describe("events of a writer", () => {
  it("sync: each file that is in the replica", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    const synced: unknown[] = [];
    db.on("sync", (event) => synced.push(event));
    await db.exec("create table t (n); insert into t values (1)");
    await db.sync();
    await db.exec("insert into t values (2)");
    await db.sync();
    await until("both are told", () => synced.length === 2);
    const numbers = { bytes: expect.any(Number), durationMs: expect.any(Number) };
    expect(synced).toEqual([
      { txid: "0000000000000001", transactions: 2, ...numbers },
      { txid: "0000000000000002", transactions: 1, ...numbers },
    ]);
  });

  it("syncFailed: denied is told at once, with what waits; status has it until a sync succeeds", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    await using db = await open(server.url, writer({ store: server.store, syncIntervalMs: 20 }));
    await db.exec("create table t (n)");
    await db.sync();
    const failed = new Promise<{ error: { code: string } }>((resolve) => db.once("syncFailed", resolve));
    server.fault = "denied";
    await db.exec("insert into t values (1)");
    await expect(db.sync()).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(await failed).toMatchObject({ error: { code: "STORE_DENIED" }, pendingTransactions: 1, retryInMs: expect.any(Number) });
    expect(db.status.sync).toMatchObject({ pendingTransactions: 1, lastError: expect.any(String), durableTxid: "0000000000000001" });
    server.fault = "none";
    await db.durable();
    await until("the error is forgotten", () => db.status.sync.lastError === undefined);
  });

  it("fenced: with both TXIDs and where the commits stay", async () => {
    const { url, dir, writer } = scratch();
    const db = await open(url, writer({ onExit: false }));
    await db.exec("create table t (n)");
    await db.sync();
    const fenced = new Promise<FencedError>((resolve) => db.once("fenced", resolve));
    await db.exec("insert into t values (1)");
    {
      await using other = await open(url, writer({ buffer: { path: path.join(dir, "other") } }));
      await other.exec("insert into t values (2)");
    }
    await expect(db.sync()).rejects.toMatchObject({ code: "FENCED" });
    const bufferPath = path.join(dir, "buffer");
    expect(await fenced).toMatchObject({ code: "FENCED", localTxid: "0000000000000001", remoteTxid: "0000000000000002", bufferPath });
    expect(db.status.mode).toBe("fenced");
    await expect(db.exec("insert into t values (3)")).rejects.toMatchObject({ code: "FENCED" });
    expect(await db.all("select n from t")).toEqual([{ n: 1 }]);
    await db.close().catch(() => undefined);
  });

  it("recovered: what a killed process left, once somebody can listen", async () => {
    const { url, dir, writer } = scratch();
    await commitWithoutSync(url, path.join(dir, "buffer"), 3);
    await using db = await open(url, writer());
    const recovered = new Promise((resolve) => db.once("recovered", resolve));
    expect(await recovered).toEqual({ transactions: 4 });
  });
});

const keysOf = ({ store }: SmallS3): Credentials => store.credentials as Credentials;

describe("credentials that expire", () => {
  it("are fetched anew in the caller's thread, and the writer goes on", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    let fetched = 0;
    const credentials = async (): Promise<Credentials> => {
      fetched += 1;
      server.token = fetched;
      return { ...keysOf(server), sessionToken: `token-${fetched}`, expiration: new Date(Date.now() + 1000) };
    };
    await using db = await open(server.url, writer({ store: { credentials }, syncIntervalMs: 20 }));
    await db.exec("create table t (n)");
    const before = fetched;
    await until("they were fetched again", async () => {
      await db.exec("insert into t values (1)");
      await db.sync();
      return fetched > before;
    });
    expect(db.status.sync.lastError).toBeUndefined();
  });

  it("end in a typed error where nobody renews them; the commits stay in the buffer", async () => {
    const server = await SmallS3.start();
    const { writer } = scratch();
    server.token = 1;
    const credentials = { ...keysOf(server), sessionToken: "token-1" };
    const options = writer({ store: { credentials } });
    const db = await open(server.url, options);
    await db.exec("create table t (n)");
    await db.sync();
    server.token = 2;
    await db.exec("insert into t values (1)");
    await expect(db.sync()).rejects.toMatchObject({ code: "STORE_DENIED" });
    await expect(db.close()).rejects.toMatchObject({ code: "STORE_DENIED" });
    const renewed = { credentials: { ...credentials, sessionToken: "token-2" } };
    await using again = await open(server.url, { ...options, store: renewed });
    expect(await again.all("select n from t")).toEqual([{ n: 1 }]);
    expect(await again.sync()).toBe("0000000000000002");
  });
});
