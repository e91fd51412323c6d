import { HeadwaterError, type Runtime } from "@headwater/core";
import type { SharedState } from "@headwater/engine";
import { CountingObjectStore, memoryStore, type ObjectStore, RetryingObjectStore } from "@headwater/object-store";
import type { S3Credentials as Credentials } from "@headwater/object-store/s3";
import type { StoreConfig } from "../channel/protocol.js";

/** Makes the store that a database reads and writes. Only the backend that is used is loaded: the S3 SDK takes 100 ms. */
export async function makeStore(
  config: StoreConfig,
  runtime: Runtime,
  shared: SharedState,
  fromCaller: () => Promise<Credentials>,
): Promise<ObjectStore> {
  const backend = await makeBackend(config, runtime, fromCaller);
  const counting = new CountingObjectStore(backend, (kind, count, bytes) => shared.addRequest(kind, count, bytes));
  return new RetryingObjectStore(counting, { runtime });
}

async function makeBackend(config: StoreConfig, runtime: Runtime, fromCaller: () => Promise<Credentials>): Promise<ObjectStore> {
  switch (config.kind) {
    case "memory":
      return memoryStore(config.name, runtime.clock);
    case "file": {
      const { FileObjectStore } = await import("@headwater/object-store/file");
      return new FileObjectStore(config.dir, { runtime });
    }
    case "s3": {
      const { S3ObjectStore } = await import("@headwater/object-store/s3");
      const { kind: _, credentials, credentialsFromCaller, credentialsModule, ...rest } = config;
      const source = credentialsFromCaller
        ? fromCaller
        : credentialsModule === undefined
          ? credentials
          : await loadCredentials(credentialsModule);
      return new S3ObjectStore({ ...rest, runtime, ...(source === undefined ? {} : { credentials: source }) });
    }
  }
}

async function loadCredentials(url: string): Promise<() => Promise<Credentials>> {
  const loaded = (await import(url)) as { readonly default?: unknown };
  if (typeof loaded.default === "function") return loaded.default as () => Promise<Credentials>;
  throw new HeadwaterError("BAD_OPTION", `credentialsModule must have a function as its default export; module=${url}`);
}
