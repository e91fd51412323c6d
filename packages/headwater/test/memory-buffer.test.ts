import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Database, type Options, open } from "../src/index.js";
import { openSync } from "../src/sync.js";
import { commitAndKill } from "./support/committer.js";
import { scratch } from "./support/scratch.js";
import { SmallS3 } from "./support/small-s3.js";

const inMemory: Options = { write: true, syncIntervalMs: 0, buffer: { target: "memory" } };

describe("a buffer in memory", () => {
  it("takes commits, reads them, syncs them, and touches no disk", async () => {
    const { url, dir } = scratch();
    // A state directory that can't be made: nobody asks for it.
    const before = process.env["XDG_STATE_HOME"];
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "state"), "");
    process.env["XDG_STATE_HOME"] = path.join(dir, "state");
    try {
      await expect(open(url, { write: true })).rejects.toMatchObject({
        code: "BUFFER_UNWRITABLE",
        message: expect.stringContaining("memory"),
      });
      await using db = await open(url, inMemory);
      await db.exec("create table t (n integer primary key, b)");
      for (let round = 0; round < 5; round += 1) {
        for (let n = 0; n < 50; n += 1) await db.run("insert into t values (?, randomblob(5000))", [round * 50 + n]);
        expect(await db.get("select count(*) as n from t")).toEqual({ n: 50 * (round + 1) });
        await db.sync();
      }
      expect(db.status.buffer.path).toBeUndefined();
      expect(readdirSync(dir).sort()).toEqual(["replica", "state"]);
      await using reader = await open(url);
      expect(await reader.get("select count(*) as n, sum(length(b)) as bytes from t")).toEqual({ n: 250, bytes: 1_250_000 });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    } finally {
      if (before === undefined) delete process.env["XDG_STATE_HOME"];
      else process.env["XDG_STATE_HOME"] = before;
    }
  });

  it("works in the caller's thread, with a limit at which commits wait", async () => {
    const { url } = scratch();
    {
      using db = openSync(url, { ...inMemory, buffer: { target: "memory", maxBytes: 200_000 } });
      db.exec("create table t (n integer primary key, b)");
      const insert = db.prepare("insert into t values (?, randomblob(10000))");
      for (let n = 0; n < 100; n += 1) {
        insert.run(n);
        expect(db.status.buffer.bytes).toBeLessThanOrEqual(200_000);
      }
    }
    using reader = openSync(url);
    expect(reader.prepare("select count(*) as n from t").get()).toEqual({ n: 100 });
  });

  it("says that commits are lost when close() can't upload them", async () => {
    const server = await SmallS3.start();
    const db = await open(server.url, { ...inMemory, store: server.store });
    await db.exec("create table t (n); insert into t values (1)");
    server.fault = "denied";
    await expect(db.close()).rejects.toMatchObject({ code: "NOT_DURABLE", message: expect.stringMatching(/lost.*transactions=2/) });
  });

  it("loses a whole suffix at most when the process is killed", { timeout: 60_000 }, async () => {
    const { url } = scratch();
    for (let round = 0; round < 3; round += 1) {
      const last = await commitAndKill(url, "memory", 5, 100 + 50 * round);
      // Killed before its first sync, it leaves nothing: a whole suffix too.
      const opened = await open(url).catch((error: { code?: string }) => error.code);
      if (opened === "NO_REPLICA") continue;
      if (!(opened instanceof Database)) throw new Error(`not opened: ${opened}`);
      await using reader = opened;
      const { n, top } = (await reader.get<{ n: number; top: number }>("select count(*) as n, coalesce(max(n), 0) as top from t")) ?? {
        n: -1,
        top: 0,
      };
      expect(n).toBe(top);
      expect(top).toBeLessThanOrEqual(last + 1);
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    }
  });

  it("has no path", async () => {
    await expect(open("memory:x", { write: true, buffer: { target: "memory", path: "/x" } })).rejects.toMatchObject({ code: "BAD_OPTION" });
  });
});
