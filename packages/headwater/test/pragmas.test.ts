import path from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { scratch } from "./support/scratch.js";

describe("pragmas under Litestream's names", () => {
  it("tell the TXID, its time and the lag of what waits for a sync", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    expect(await db.pragma("litestream_txid")).toEqual([{ litestream_txid: "0000000000000000" }]);
    expect(await db.pragma("litestream_time")).toEqual([{ litestream_time: "latest" }]);
    expect(await db.pragma("litestream_lag")).toEqual([{ litestream_lag: "0" }]);
    const before = Date.now();
    await db.exec("create table t (n)");
    await expect.poll(async () => Number((await db.pragma("litestream_lag"))[0]?.["litestream_lag"])).toBeGreaterThan(0);
    await db.sync();
    await expect.poll(() => db.pragma("litestream_txid")).toEqual([{ litestream_txid: "0000000000000001" }]);
    const time = Date.parse(String((await db.pragma("litestream_time"))[0]?.["litestream_time"]));
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
    expect(await db.pragma("litestream_lag")).toEqual([{ litestream_lag: "0" }]);
  });

  it("tell where the local copy is and how full", async () => {
    const { url, writer, dir } = scratch();
    const copy = path.join(dir, "copy.db");
    await using db = await open(url, writer({ hydration: { path: copy } }));
    await db.exec("create table t (n)");
    await db.hydrated();
    expect(await db.pragma("litestream_hydration_file")).toEqual([{ litestream_hydration_file: copy }]);
    expect(await db.pragma("litestream_hydration_progress")).toEqual([{ litestream_hydration_progress: "100" }]);
  });

  it.each(["txid", "lag", "time", "hydration_progress", "hydration_file"])("litestream_%s can only be read", async (name) => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    await expect(db.pragma(`litestream_${name} = 1`)).rejects.toMatchObject({ isHeadwaterError: true });
    await expect(db.pragma("litestream_write_enabled = perhaps")).rejects.toMatchObject({ isHeadwaterError: true });
  });

  it("leave other names to SQLite", async () => {
    const { url, writer } = scratch();
    await using db = await open(url, writer());
    expect(await db.pragma("litestream_nonsense")).toEqual([]);
    expect(await db.pragma("user_version")).toEqual([{ user_version: 0 }]);
  });
});
