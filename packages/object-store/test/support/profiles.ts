import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemRuntime } from "@headwater/core/node";
import { FileObjectStore } from "../../src/file.js";
import { MemoryObjectStore, parseStoreUrl, type StoreUrl } from "../../src/index.js";
import { S3ObjectStore } from "../../src/s3.js";
import { type ConformanceProfile, PrefixedObjectStore } from "../../src/testing.js";

let folders = 0;

/** The server that HEADWATER_TEST_S3_URL names; each store gets a folder of its own. */
export const s3Profile: ConformanceProfile = {
  name: "s3",
  supports: { metadata: true, keysBelowKeys: true },
  async create() {
    const { bucket, prefix, parameters } = testS3Url();
    const folder = [prefix, `${process.pid}-${process.hrtime.bigint()}-${folders++}`].filter((part) => part !== "").join("/");
    const open = (): PrefixedObjectStore => new PrefixedObjectStore(new S3ObjectStore({ bucket, ...parameters }), folder);
    const store = open();
    return {
      store,
      async dispose() {
        await store.close();
        const cleaner = open();
        await cleaner.clear();
        await cleaner.close();
      },
    };
  },
};

export function testS3Url(): Extract<StoreUrl, { kind: "s3" }> {
  const url = parseStoreUrl(process.env["HEADWATER_TEST_S3_URL"] ?? "");
  if (url.kind !== "s3") throw new Error("HEADWATER_TEST_S3_URL must be an s3:// URL");
  return url;
}

export const memoryProfile: ConformanceProfile = {
  name: "memory",
  supports: { metadata: true, keysBelowKeys: true },
  create: async () => ({ store: new MemoryObjectStore({ clock: systemRuntime.clock }), dispose: async () => {} }),
};

export const fileProfile: ConformanceProfile = {
  name: "file",
  supports: { metadata: false, keysBelowKeys: false },
  async create() {
    const dir = await mkdtemp(path.join(tmpdir(), "headwater-store-"));
    return { store: new FileObjectStore(dir), dispose: () => rm(dir, { recursive: true }) };
  },
};
