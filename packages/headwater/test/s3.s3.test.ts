import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type Database, type FencedError, open, type Status } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { credentials, type S3Place, s3Place, serverUrl } from "./support/s3.js";
import { scratch } from "./support/scratch.js";

const total = ({ requests }: Status): number => Object.values(requests).reduce((sum, { count }) => sum + count, 0);
const ROWS = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 10000)";

async function sample(): Promise<S3Place> {
  const made = s3Place();
  const db = await open(made.url, made.writer());
  await db.exec(`create table t (n integer primary key, b text); ${ROWS} insert into t select n, hex(randomblob(500)) from c`);
  await db.close();
  return made;
}

describe("a replica on S3", () => {
  it("takes writes, syncs, opens elsewhere and hydrates", async () => {
    const { url, writer } = await sample();
    await using db = await open(url, writer({ hydration: true }));
    const { lastInsertRowid } = await db.run("insert into t (b) values ('new')");
    await db.sync();
    // A poll in between would count, too.
    await using reader = await open(url, { hydration: true, pollIntervalMs: 0 });
    expect(await reader.get("select b from t where n = ?", [lastInsertRowid])).toEqual({ b: "new" });
    await reader.hydrated();
    const before = total(reader.status);
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(total(reader.status)).toBe(before);
    expect(reader.status.requests.put.count).toBe(0);
  });

  it.each([false, true])("answers the first row within 12 requests, hydration %s", async (hydration) => {
    const { url } = await sample();
    await using db = await open(url, { hydration, pollIntervalMs: 0 });
    expect(await db.get("select n from t where n = 7777")).toEqual({ n: 7777 });
    expect(total(db.status)).toBeLessThanOrEqual(12);
  });

  it("asks a credentials function in the caller's thread, and a module in the I/O thread", async () => {
    const { url } = await sample();
    let asked = 0;
    const fetchCredentials = async (): Promise<typeof credentials> => {
      asked += 1;
      return credentials;
    };
    {
      await using db = await open(url, { store: { credentials: fetchCredentials } });
      expect(await db.get("select count(*) as n from t")).toEqual({ n: 10_000 });
    }
    expect(asked).toBeGreaterThan(0);
    const file = path.join(scratch().dir, "credentials.mjs");
    writeFileSync(file, `export default async () => (${JSON.stringify(credentials)});`);
    using db = openSync(url, { credentialsModule: pathToFileURL(file) });
    expect(db.prepare("select count(*) as n from t").get()).toEqual({ n: 10_000 });
  });
});

describe("what goes wrong on S3", () => {
  it("no such bucket", async () => {
    const url = new URL(serverUrl);
    url.hostname = "no-such-bucket-here";
    await expect(open(url, { store: { credentials } })).rejects.toMatchObject({ code: "STORE_NO_BUCKET" });
  });

  it("a wrong secret, which no message repeats", async () => {
    const { url } = s3Place();
    const secretAccessKey = "not-the-secret-0123456789";
    const error: unknown = await open(url, { store: { credentials: { ...credentials, secretAccessKey } } }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "STORE_DENIED" });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secretAccessKey);
  });

  it("no replica", async () => {
    await expect(open(s3Place().url)).rejects.toMatchObject({ code: "NO_REPLICA" });
  });

  it("two writers: the one that comes second is told, keeps its commits, reads on, and opens again", async () => {
    const { url, writer } = await sample();
    const mine = writer({ buffer: { path: path.join(scratch().dir, "mine") } });
    const db = await open(url, mine);
    await using other = await open(url, writer({ buffer: { path: path.join(scratch().dir, "other") } }));
    await other.run("insert into t (b) values ('other')");
    const remoteTxid = await other.sync();
    await db.run("insert into t (b) values ('mine')");
    const told = new Promise<FencedError>((resolve) => db.once("fenced", resolve));
    await expect(db.sync()).rejects.toMatchObject({ code: "FENCED", retryable: false });
    expect(await told).toMatchObject({ localTxid: "0000000000000001", remoteTxid, bufferPath: mine.buffer?.path });
    expect(db.status.mode).toBe("fenced");
    expect(await db.get("select count(*) as n from t where b = 'mine'")).toEqual({ n: 1 });
    await expect(db.run("insert into t (b) values ('more')")).rejects.toMatchObject({ code: "FENCED" });
    await expect(db.close()).rejects.toMatchObject({ code: "FENCED" });
    await againAfterFencing(await open(url, mine));
    expect(await other.get("select count(*) as n from t where b = 'mine'")).toEqual({ n: 0 });
  });
});

async function againAfterFencing(db: Database): Promise<void> {
  const recovered = await new Promise<{ transactions: number; setAside?: string }>((resolve) => db.once("recovered", resolve));
  expect(recovered).toMatchObject({ transactions: 1, setAside: expect.stringContaining("aside") });
  expect(await db.get("select count(*) as n from t where b = 'other'")).toEqual({ n: 1 });
  await db.close();
}
