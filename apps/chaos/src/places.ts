import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type ObjectStore, parseStoreUrl } from "@headwater/object-store";
import { FileObjectStore } from "@headwater/object-store/file";
import { S3ObjectStore } from "@headwater/object-store/s3";
import type { Backend } from "./claim.js";

/** An empty place for one replica. */
export interface Place {
  readonly backend: Backend;
  readonly url: string;
  /** The server of an S3 replica, and the same replica's URL with another endpoint before it. */
  readonly server?: { readonly endpoint: string; through(endpoint: string): string };
  /** The whole of it, past any proxy. */
  readonly store: ObjectStore;
  /** Where its objects are in the store; ends with a slash, or is empty. */
  readonly prefix: string;
  /** The folder of a file replica. */
  readonly dir?: string;
  /** Copies every object into a folder, as evidence. */
  keep(folder: string): Promise<void>;
  /** Removes every object. */
  dispose(): Promise<void>;
}

let places = 0;

/** Makes a place; a file replica is below `folder`. */
export function makePlace(backend: Backend, folder: string): Place {
  places += 1;
  return backend === "file" ? filePlace(path.join(folder, `replica-${places}`)) : s3Place();
}

/** The stores that this machine has for replicas. */
export function backendsHere(): Backend[] {
  return (process.env["HEADWATER_TEST_S3_URL"] ?? "") === "" ? ["file"] : ["file", "s3"];
}

function filePlace(dir: string): Place {
  const store = new FileObjectStore(dir);
  const place = { backend: "file" as const, url: pathToFileURL(dir).href, store, prefix: "", dir };
  return {
    ...place,
    keep: async () => undefined, // it is in the folder already
    async dispose() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function s3Place(): Place {
  const url = new URL(process.env["HEADWATER_TEST_S3_URL"] ?? "");
  url.pathname = `${url.pathname.replace(/\/$/, "")}/chaos-${process.pid}-${Date.now().toString(36)}-${places}`;
  const parsed = parseStoreUrl(url.href);
  if (parsed.kind !== "s3") throw new Error("HEADWATER_TEST_S3_URL must be an s3:// URL");
  const store = new S3ObjectStore({ bucket: parsed.bucket, ...parsed.parameters });
  const prefix = `${parsed.prefix}/`;
  const { endpoint } = parsed.parameters;
  return {
    backend: "s3",
    url: url.href,
    ...(endpoint === undefined ? {} : { server: { endpoint, through: (other) => withEndpoint(url, other) } }),
    store,
    prefix,
    keep: (folder) => copyAll(store, prefix, folder),
    async dispose() {
      for await (const { objects } of store.list(prefix)) for (const { key } of objects) await store.delete(key);
      await store.close();
    },
  };
}

function withEndpoint(url: URL, endpoint: string): string {
  const other = new URL(url);
  other.searchParams.set("endpoint", endpoint);
  return other.href;
}

async function copyAll(store: ObjectStore, prefix: string, folder: string): Promise<void> {
  for await (const { objects } of store.list(prefix)) {
    for (const { key } of objects) {
      const file = path.join(folder, key.slice(prefix.length));
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, (await store.get(key)).body);
    }
  }
}
