import { type ObjectStore, parseStoreUrl } from "@headwater/object-store";
import { S3ObjectStore } from "@headwater/object-store/s3";
import { afterEach } from "vitest";
import type { Options } from "../../src/index.js";
import { scratch } from "./scratch.js";

/** The server that the suites with ".s3." in their names run on. */
export const serverUrl: URL = new URL(process.env["HEADWATER_TEST_S3_URL"] ?? "s3://missing/");

export const credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } = {
  accessKeyId: process.env["AWS_ACCESS_KEY_ID"] ?? "",
  secretAccessKey: process.env["AWS_SECRET_ACCESS_KEY"] ?? "",
};

/** A place on the server for one replica. */
export interface S3Place {
  readonly url: string;
  /** The same place with another endpoint before the server. */
  through(endpoint: string): string;
  /** Options of a writer whose buffer is in a folder of its own. */
  writer(more?: Options): Options;
}

const used: string[] = [];
let prefixes = 0;

afterEach(async () => {
  for (const url of used.splice(0)) {
    const { store, prefix } = storeOf(url);
    for await (const page of store.list(`${prefix}/`)) for (const { key } of page.objects) await store.delete(key);
    await store.close();
  }
});

/** A prefix of this test's own, emptied afterwards. */
export function s3Place(): S3Place {
  const { writer } = scratch();
  const url = new URL(serverUrl);
  prefixes += 1;
  url.pathname = `${serverUrl.pathname.replace(/\/$/, "")}/facade-${process.pid}-${Date.now().toString(36)}-${prefixes}`;
  used.push(url.href);
  const through = (endpoint: string): string => {
    const other = new URL(url);
    other.searchParams.set("endpoint", endpoint);
    return other.href;
  };
  return { url: url.href, through, writer };
}

function storeOf(url: string): { readonly store: ObjectStore; readonly prefix: string } {
  const parsed = parseStoreUrl(url);
  if (parsed.kind !== "s3") throw new Error("HEADWATER_TEST_S3_URL must be an s3:// URL");
  return { store: new S3ObjectStore({ bucket: parsed.bucket, ...parsed.parameters, credentials }), prefix: parsed.prefix };
}
