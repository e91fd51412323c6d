import { describe, expect, it } from "vitest";
import { parseBytes, parseDuration } from "../src/options/durations.js";
import { optionsFromEnv } from "../src/options/from-env.js";
import { resolveOptions } from "../src/options/resolve.js";
import type { Options } from "../src/types.js";

const resolve = (url: string, options: Options = {}) => resolveOptions(url, options, false).config;

describe("durations and sizes", () => {
  it.each([
    ["1s", 1000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["0", 0],
    ["0s", 0],
    ["1us", 1],
  ])("reads %s", (text, ms) => expect(parseDuration("x", text)).toBe(ms));

  it.each(["", "1", "s", "1 s", "-1s", "1d", "1s!", "Infinity"])("refuses %j", (text) => {
    expect(() => parseDuration("x", text)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });

  it("reads sizes", () => {
    expect([parseBytes("x", "4096"), parseBytes("x", "64MB"), parseBytes("x", "32MiB"), parseBytes("x", "1kib")]).toEqual([
      4096,
      64e6,
      2 ** 25,
      1024,
    ]);
    for (const bad of ["", "-1", "1.5MB", "1TB", "x"])
      expect(() => parseBytes("x", bad)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  });
});

describe("resolveOptions", () => {
  it("has the documented defaults", () => {
    const { engine, store, busyTimeoutMs, cacheBytes } = resolve("s3://bucket/app");
    expect(store).toEqual({ kind: "s3", bucket: "bucket" });
    expect(engine).toMatchObject({
      layout: "s3",
      prefix: "app",
      write: false,
      create: false,
      pageSize: 4096,
      syncIntervalMs: 1000,
      pollIntervalMs: 1000,
      remoteTimeoutMs: 30_000,
    });
    expect(engine.bufferDir).toBeUndefined();
    expect([busyTimeoutMs, cacheBytes]).toEqual([5000, 33_554_432]);
  });

  it("lets code win over the URL, and reads every spelling", () => {
    expect(resolve("memory:a?sync_interval=5s").engine.syncIntervalMs).toBe(5000);
    expect(resolve("memory:a?sync-interval=5s").engine.syncIntervalMs).toBe(5000);
    expect(resolve("memory:a?syncInterval=5s", { syncIntervalMs: 7 }).engine.syncIntervalMs).toBe(7);
    expect(resolve("memory:a?hydration_path=/tmp/x.db").engine.hydration).toMatchObject({ path: "/tmp/x.db" });
    expect(resolve("memory:a?hydration_enabled=true&hydration_path=/tmp/x.db", { hydration: false }).engine.hydration).toBeUndefined();
  });

  it("keeps ranges on a disk where that is asked for, in code or in a URL, and never those of a store in memory", () => {
    const disk = { path: "/tmp/cache", maxBytes: 5_000_000 };
    expect(resolve("s3://bucket/app", { cache: { disk } }).engine.diskCache).toEqual(disk);
    expect(resolve("s3://bucket/app", { cache: { maxBytes: 0 } }).engine.diskCache).toBeUndefined();
    const { engine, cacheBytes } = resolve("file:///tmp/x?cache_disk_path=/tmp/cache&cache-disk-size=5MB&cacheSize=1kib");
    expect([engine.diskCache, cacheBytes]).toEqual([disk, 1024]);
    expect(resolve("s3://bucket/a?cache_disk_path=/tmp/cache&cache_disk_size=5MB", { cache: {} }).engine.diskCache).toBeUndefined();
    expect(resolve("memory:a", { cache: { disk } }).engine.diskCache).toBeUndefined();
  });

  it("lets a URL turn writing off and never on", () => {
    expect(resolve("memory:a?write=false", { write: true }).engine.write).toBe(false);
    expect(() => resolve("memory:a?write=true")).toThrow(expect.objectContaining({ code: "BAD_URL" }));
  });

  it("keeps a stable buffer for each replica, and none in read mode", () => {
    const dir = (url: string) => resolve(url, { write: true }).engine.bufferDir;
    expect(dir("memory:a/x")).toBe(dir("memory:a/x"));
    expect(dir("memory:a/x")).not.toBe(dir("memory:a/y"));
    expect(dir("s3://bk/x?endpoint=http://127.0.0.1:1")).not.toBe(dir("s3://bk/x?endpoint=http://127.0.0.1:2"));
  });

  it.each<[string, Options & Record<string, unknown>, string]>([
    ["memory:a", { writes: true }, "BAD_OPTION"],
    ["memory:a", { pageSize: 1000 }, "BAD_OPTION"],
    ["memory:a", { syncIntervalMs: -1 }, "BAD_OPTION"],
    ["memory:a", { hydration: { pathh: "x" } } as never, "BAD_OPTION"],
    ["memory:a", { store: { credentials: { accessKeyId: "" } } } as never, "BAD_OPTION"],
    ["s3://bucket/a", { cache: { disk: { path: "/tmp/x" } } } as never, "BAD_OPTION"],
    ["s3://bucket/a", { cache: { disk: { path: "/tmp/x", maxBytes: 1000 } } }, "BAD_OPTION"],
    ["s3://bucket/a", { cache: { disk: "/tmp/x" } } as never, "BAD_OPTION"],
    ["s3://bucket/a?cache_disk_path=/tmp/x", {}, "BAD_URL"],
    ["s3://bucket/a?cache_disk_path=/tmp/x&cache_disk_size=1kb", {}, "BAD_OPTION"],
    ["memory:a?sync_intervall=1s", {}, "BAD_URL"],
    ["memory:a?sync_interval=1", {}, "BAD_OPTION"],
    ["memory:a?sync_interval=1s&sync-interval=2s", {}, "BAD_URL"],
    ["ftp://x", {}, "BAD_URL"],
    ["nonsense", {}, "BAD_URL"],
  ])("refuses %s %j", (url, options, code) => {
    expect(() => resolve(url, options)).toThrow(expect.objectContaining({ code, isHeadwaterError: true }));
  });

  it("names the nearest option", () => {
    expect(() => resolve("memory:a", { syncIntervalMS: 1 } as never)).toThrow(/did you mean "syncIntervalMs"/);
    expect(() => resolve("memory:a?sync_intervall=1s")).toThrow(/syncInterval/);
  });

  it("refuses a function for the synchronous API and names the way out", () => {
    const options: Options = { store: { credentials: async () => ({ accessKeyId: "a", secretAccessKey: "b" }) } };
    expect(() => resolveOptions("s3://bucket/a", options, true)).toThrow(/credentialsModule/);
    expect(resolveOptions("s3://bucket/a", options, false).config.store).toMatchObject({ credentialsFromCaller: true });
  });
});

describe("optionsFromEnv", () => {
  it("reads Litestream's variables", () => {
    const { url, options } = optionsFromEnv({
      LITESTREAM_REPLICA_URL: "s3://b/p",
      LITESTREAM_WRITE_ENABLED: "true",
      LITESTREAM_SYNC_INTERVAL: "250ms",
      LITESTREAM_BUFFER_PATH: "/tmp/b",
      LITESTREAM_HYDRATION_PATH: "/tmp/h",
    });
    expect([url, options]).toEqual([
      "s3://b/p",
      { write: true, syncIntervalMs: 250, buffer: { path: "/tmp/b" }, hydration: { path: "/tmp/h" } },
    ]);
  });

  it("names the variable that is wrong or missing", () => {
    expect(() => optionsFromEnv({})).toThrow(/LITESTREAM_REPLICA_URL/);
    expect(() => optionsFromEnv({ LITESTREAM_REPLICA_URL: "memory:a", LITESTREAM_SYNC_INTERVAL: "1" })).toThrow(/LITESTREAM_SYNC_INTERVAL/);
    expect(() => optionsFromEnv({ LITESTREAM_REPLICA_URL: "memory:a", LITESTREAM_LOG_LEVEL: "loud" })).toThrow(/LITESTREAM_LOG_LEVEL/);
  });
});
