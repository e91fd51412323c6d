import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ManualRuntime } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileObjectStore } from "../src/file.js";
import { describeObjectStore } from "../src/testing.js";
import { fileProfile } from "./support/profiles.js";

describeObjectStore(fileProfile, { describe, it });

describe("FileObjectStore", () => {
  let dir = "";
  let store = new FileObjectStore("/nonexistent");
  const body = Uint8Array.of(1, 2, 3);
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), "headwater-store-"));
    store = new FileObjectStore(dir);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("leaves no files of its own behind, whatever comes of a put", async () => {
    const { etag } = await store.put("a", body, { precondition: { ifNoneMatch: "*" } });
    await store.put("a", body, { precondition: { ifMatch: etag } });
    await expect(store.put("a", body, { precondition: { ifNoneMatch: "*" } })).rejects.toThrow();
    await expect(store.put("a", body, { precondition: { ifMatch: etag } })).rejects.toThrow();
    await expect(store.put("a/below", body)).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(await readdir(dir)).toEqual(["a"]);
  });

  it("makes nothing where it only reads", async () => {
    const missing = new FileObjectStore(path.join(dir, "not", "there"));
    await expect(missing.get("a")).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
    for await (const page of missing.list("")) expect(page.objects).toEqual([]);
    await missing.delete("a/b");
    expect(await readdir(dir)).toEqual([]);
    await missing.put("a/b", body);
    expect((await missing.get("a/b")).body).toEqual(body);
  });

  it("never gives one key the same ETag twice, even when the clock stands still or goes back", async () => {
    const runtime = new ManualRuntime();
    const frozen = new FileObjectStore(dir, { runtime });
    const seen = new Set<string>();
    for (let i = 0; i < 200; i += 1) seen.add((await frozen.put("same", body)).etag);
    const past = new FileObjectStore(dir, { runtime: new ManualRuntime({ nowMs: 1_600_000_000_000 }) });
    for (let i = 0; i < 20; i += 1) seen.add((await past.put("same", body)).etag);
    expect(seen.size).toBe(220);
    expect((await frozen.head("same")).lastModifiedMs).toBeGreaterThanOrEqual(runtime.clock.nowMs());
  });

  it("has another ETag for a file that another program changed", async () => {
    const { etag } = await store.put("a", body);
    await utimes(path.join(dir, "a"), 1, 1);
    await expect(store.get("a", { ifMatch: etag })).rejects.toMatchObject({ code: "STORE_PRECONDITION" });
    await expect(store.put("a", body, { precondition: { ifMatch: etag } })).rejects.toMatchObject({ code: "STORE_PRECONDITION" });
  });

  it("keeps its own names to itself", async () => {
    await store.put("a", body);
    await writeFile(path.join(dir, ".headwater-tmp-0123456789abcdef"), "half of some");
    await writeFile(path.join(dir, ".headwater-lock-0123456789abcdef"), "{}");
    await mkdir(path.join(dir, ".headwater-x"));
    await writeFile(path.join(dir, ".headwater-x", "y"), "");
    await symlink("/etc", path.join(dir, "link"));
    const keys: string[] = [];
    for await (const page of store.list("")) keys.push(...page.objects.map((o) => o.key));
    expect(keys).toEqual(["a"]);
    for (const key of [".headwater-tmp-1", "x/.headwater-lock-1", ".headwater-x/y"]) {
      await expect(store.get(key)).rejects.toMatchObject({ code: "BAD_OPTION" });
      await expect(store.put(key, body)).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
  });

  it("removes what a crash left an hour ago, and nothing younger", async () => {
    const now = Date.now() / 1000;
    for (const [name, age] of [
      ["old", 4000],
      ["young", 3000],
    ] as const) {
      await mkdir(path.join(dir, "x"), { recursive: true });
      await writeFile(path.join(dir, "x", `.headwater-tmp-${name}`), "half");
      await utimes(path.join(dir, "x", `.headwater-tmp-${name}`), now - age, now - age);
    }
    await store.put("x/a", body);
    expect(await readdir(path.join(dir, "x"))).toEqual([".headwater-tmp-young", "a"]);
  });

  it("refuses what leads out of its directory before it touches a file", async () => {
    await writeFile(path.join(dir, "outside"), "x");
    const inner = new FileObjectStore(path.join(dir, "inner"));
    for (const key of ["../outside", "x/../../outside", "/etc/passwd", "..\\outside", "x\0y"]) {
      await expect(inner.get(key)).rejects.toMatchObject({ code: "BAD_OPTION" });
      await expect(inner.delete(key)).rejects.toMatchObject({ code: "BAD_OPTION" });
    }
    await expect(async () => {
      for await (const _ of inner.list("../")) break;
    }).rejects.toMatchObject({ code: "BAD_OPTION" });
    expect(await readdir(dir)).toEqual(["outside"]);
  });
});
