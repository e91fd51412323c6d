import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { decodeLtx } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { identityUrl } from "../src/buffer/identity-url.js";
import { exportBuffer, FencedError, inspectBuffer, type Options, open } from "../src/index.js";
import { compactTo, putDatabase, removeLevelZero } from "./support/replica.js";
import { type Scratch, scratch } from "./support/scratch.js";

/** Opens a plain SQLite file, by way of a replica that holds just that. */
async function rowsOf(file: string, { dir }: Scratch): Promise<unknown> {
  const replica = path.join(dir, `check-${path.basename(file)}`);
  putDatabase(replica, 9, 4096, readFileSync(file));
  await using db = await open(`file://${replica}`);
  expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  return await db.all("select n, b from t order by n");
}

/** A replica of two rows, and a buffer whose commits another writer's have overtaken. */
async function conflict(place: Scratch): Promise<{ fenced: FencedError; buffer: string }> {
  const { url, dir, writer } = place;
  const buffer = path.join(dir, "buffer");
  const db = await open(url, writer({ onExit: false }));
  await db.exec("create table t (n integer primary key, b)");
  await db.exec("insert into t values (1, 'both'), (2, 'both')");
  // Pages that nobody changes any more.
  await db.exec("create table still as with recursive c(n) as (select 1 union all select n + 1 from c where n < 5000) select n from c");
  await db.sync();
  await db.run("insert into t values (3, 'stranded')");
  await db.run("delete from t where n = 2");
  await db.run("insert into t select n + 100, hex(zeroblob(3000)) from t");
  {
    const other: Options = writer({ buffer: { path: path.join(dir, "other") } });
    await using winner = await open(url, other);
    await winner.run("insert into t values (50, 'winner')");
  }
  const fenced = (await db.sync().catch((error: unknown) => error)) as FencedError;
  // It reads on, its own commits too.
  expect(await db.get("select count(*) as n from t")).toEqual({ n: 4 });
  await db.close().catch(() => undefined);
  return { fenced, buffer };
}

describe("a conflict of two writers", () => {
  it("says who, where and what to do; what is stranded can be seen and exported; reopening deletes nothing by hand", async () => {
    const place = scratch();
    const { url, dir, writer } = place;
    const { fenced, buffer } = await conflict(place);
    expect(fenced).toBeInstanceOf(FencedError);
    expect(fenced).toMatchObject({ code: "FENCED", localTxid: "0000000000000001", remoteTxid: "0000000000000002", bufferPath: buffer });
    expect(fenced.message).toMatch(/[Cc]lose and open again/);

    const before = readdirSync(buffer).map((name) => readFileSync(path.join(buffer, name)).toString("base64"));
    expect(await inspectBuffer(buffer)).toMatchObject({ url, baseTxid: "0000000000000001", transactions: 3, pageSize: 4096 });
    const file = path.join(dir, "stranded.db");
    await exportBuffer(buffer, file);
    const long = "0".repeat(6000);
    const stranded = [
      { n: 1, b: "both" },
      { n: 3, b: "stranded" },
      { n: 101, b: long },
      { n: 103, b: long },
    ];
    expect(await rowsOf(file, place)).toEqual(stranded);
    expect(readdirSync(buffer).map((name) => readFileSync(path.join(buffer, name)).toString("base64"))).toEqual(before);

    const ltx = path.join(dir, "stranded.ltx");
    await exportBuffer(buffer, ltx);
    const { header, pages } = decodeLtx(readFileSync(ltx));
    expect(header).toMatchObject({ minTXID: 2n, maxTXID: 2n, pageSize: 4096 });
    expect(header.commit * 4096).toBe(readFileSync(file).byteLength);
    for (const { pgno, data } of pages()) {
      expect(Buffer.compare(data, readFileSync(file).subarray((pgno - 1) * 4096, pgno * 4096))).toBe(0);
    }

    await using again = await open(url, writer());
    expect(await again.all("select n from t order by n")).toEqual([{ n: 1 }, { n: 2 }, { n: 50 }]);
    await again.run("insert into t values (51, 'goes on')");
    await again.sync();
    const [aside = ""] = again.status.buffer.setAside;
    expect(await inspectBuffer(aside)).toMatchObject({ url, transactions: 3 });
    await exportBuffer(aside, path.join(dir, "aside.db"));
    expect(await rowsOf(path.join(dir, "aside.db"), place)).toEqual(stranded);
  });
});

describe("exportBuffer", () => {
  it("needs no replica for a database that was never synced", async () => {
    const place = scratch();
    const { url, dir, writer, replicaDir } = place;
    const db = await open(url, writer({ onExit: false }));
    await db.exec("create table t (n integer primary key, b); insert into t values (7, 'here only')");
    const buffer = db.status.buffer.path ?? "";
    await exportBuffer(buffer, path.join(dir, "new.db"));
    expect(existsSync(replicaDir)).toBe(false);
    expect(await rowsOf(path.join(dir, "new.db"), place)).toEqual([{ n: 7, b: "here only" }]);
    await db.close();
    await expect(inspectBuffer(buffer)).rejects.toMatchObject({ code: "BUFFER_FOREIGN" });
    await expect(exportBuffer(buffer, path.join(dir, "none.db"))).rejects.toMatchObject({ code: "BUFFER_FOREIGN" });
  });

  it("writes over nothing, and leaves nothing behind when it fails", async () => {
    const place = scratch();
    const { dir, replicaDir } = place;
    const { buffer } = await conflict(place);
    await exportBuffer(buffer, path.join(dir, "x.ltx"));
    await expect(exportBuffer(buffer, path.join(dir, "x.ltx"))).rejects.toMatchObject({ code: "PATH_IN_USE" });
    // Compacted, the replica can't tell TXID 1 from TXID 2 any more.
    compactTo(replicaDir, 1, 1n, 2n);
    removeLevelZero(replicaDir, 1n, 2n);
    const before = readdirSync(dir);
    await expect(exportBuffer(buffer, path.join(dir, "y.db"))).rejects.toMatchObject({ message: expect.stringContaining(".ltx") });
    expect(readdirSync(dir)).toEqual(before);
    await exportBuffer(buffer, path.join(dir, "y.ltx"));
  });
});

describe("identityUrl", () => {
  it.each([
    ["s3:aws/bucket/some/prefix", "s3://bucket/some/prefix"],
    ["s3:http://127.0.0.1:9000/bucket/app", "s3://bucket/app?endpoint=http%3A%2F%2F127.0.0.1%3A9000"],
    ["file:/data/my db", "file:///data/my%20db"],
    ["memory:name/", "memory:name"],
  ])("%s", (identity, url) => {
    expect(identityUrl(identity)).toBe(url);
  });
});
