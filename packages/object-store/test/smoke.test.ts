import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ManualRuntime } from "@headwater/core/testing";
import { afterEach, describe, expect, it } from "vitest";
import { FileObjectStore } from "../src/file.js";
import { memoryStore, type ObjectStore } from "../src/index.js";

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

async function fileStore(): Promise<ObjectStore> {
  const dir = await mkdtemp(path.join(tmpdir(), "headwater-store-"));
  dirs.push(dir);
  return new FileObjectStore(dir);
}

describe.each([
  ["memory", async () => memoryStore(`smoke-${Math.random()}`, new ManualRuntime().clock)],
  ["file", fileStore],
])("%s", (_name, create) => {
  it("puts, gets, compares and swaps, lists, deletes", async () => {
    const store = await create();
    const one = await store.put("ltx/0/a", Uint8Array.of(1, 2, 3), { precondition: { ifNoneMatch: "*" } });
    await expect(store.put("ltx/0/a", Uint8Array.of(9), { precondition: { ifNoneMatch: "*" } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    const two = await store.put("ltx/0/a", Uint8Array.of(4, 5, 6), { precondition: { ifMatch: one.etag } });
    expect(two.etag).not.toBe(one.etag);
    await expect(store.put("ltx/0/a", Uint8Array.of(9), { precondition: { ifMatch: one.etag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    expect(await store.get("ltx/0/a", { range: { start: 1, end: 9 } })).toMatchObject({
      body: Uint8Array.of(5, 6),
      start: 1,
      size: 3,
      etag: two.etag,
    });
    await store.put("ltx/0-b", new Uint8Array());
    const pages = [];
    for await (const page of store.list("ltx/", { pageSize: 1 })) pages.push(page.objects.map((o) => o.key));
    expect(pages).toEqual([["ltx/0-b"], ["ltx/0/a"]]);
    await store.delete("ltx/0/a");
    await store.delete("ltx/0/a");
    await expect(store.head("ltx/0/a")).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
  });
});

it("leaves no files of its own behind", async () => {
  const store = await fileStore();
  const { etag } = await store.put("a", Uint8Array.of(1));
  await store.put("a", Uint8Array.of(1), { precondition: { ifMatch: etag } });
  expect(await readdir(dirs.at(-1) ?? "")).toEqual(["a"]);
});
