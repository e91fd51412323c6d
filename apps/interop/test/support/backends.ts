import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type ObjectStore, parseStoreUrl } from "@headwater/object-store";
import { FileObjectStore } from "@headwater/object-store/file";
import { S3ObjectStore } from "@headwater/object-store/s3";
import { createLayout, type Layout } from "@headwater/replica";

/** An empty place for one replica, by our names for it and by the peer's. */
export interface Place {
  /** What the peer and `open()` take. */
  readonly url: string;
  readonly store: ObjectStore;
  readonly layout: Layout;
  dispose(): Promise<void>;
}

/** Makes a new place for each test. */
export interface Backend {
  readonly name: string;
  create(): Promise<Place>;
}

export const fileBackend: Backend = {
  name: "file",
  async create() {
    const dir = mkdtempSync(path.join(tmpdir(), "headwater-interop-"));
    const store = new FileObjectStore(dir);
    return {
      url: pathToFileURL(dir).href,
      store,
      layout: createLayout("file", ""),
      async dispose() {
        await store.close();
        rmSync(dir, { recursive: true, force: true });
      },
    };
  },
};

let places = 0;

/** The server that HEADWATER_TEST_S3_URL names. */
export const s3Backend: Backend = {
  name: "s3",
  async create() {
    const given = parseStoreUrl(process.env["HEADWATER_TEST_S3_URL"] ?? "");
    if (given.kind !== "s3") throw new Error("HEADWATER_TEST_S3_URL must be an s3:// URL");
    const { bucket, parameters } = given;
    const prefix = [given.prefix, `interop-${process.pid}-${process.hrtime.bigint()}-${places++}`].filter((part) => part !== "").join("/");
    const store = new S3ObjectStore({ bucket, ...parameters });
    const settings = { forcePathStyle: "true", region: parameters.region ?? "us-east-1" };
    const query = new URLSearchParams(parameters.endpoint === undefined ? settings : { endpoint: parameters.endpoint, ...settings });
    return {
      url: `s3://${bucket}/${prefix}?${query}`,
      store,
      layout: createLayout("s3", prefix),
      async dispose() {
        for await (const page of store.list(`${prefix}/`)) for (const { key } of page.objects) await store.delete(key);
        await store.close();
      },
    };
  },
};
