import { systemRuntime } from "@headwater/core/node";
import { describe, it } from "vitest";
import { CountingObjectStore, type ObjectStore, RetryingObjectStore } from "../src/index.js";
import { describeObjectStore, FaultyObjectStore, HookedObjectStore, PrefixedObjectStore } from "../src/testing.js";
import { memoryProfile } from "./support/profiles.js";

const decorators: Record<string, (inner: ObjectStore) => ObjectStore> = {
  counting: (inner) => new CountingObjectStore(inner),
  retrying: (inner) => new RetryingObjectStore(inner, { runtime: systemRuntime }),
  "retrying counting": (inner) => new RetryingObjectStore(new CountingObjectStore(inner), { runtime: systemRuntime }),
  hooked: (inner) => new HookedObjectStore(inner, { before: () => Promise.resolve(), after: () => Promise.resolve() }),
  faultless: (inner) => new FaultyObjectStore(inner),
  prefixed: (inner) => new PrefixedObjectStore(inner, "some/folder"),
};

for (const [name, decorate] of Object.entries(decorators)) {
  const profile = {
    ...memoryProfile,
    name: `${name} memory`,
    async create() {
      const { store, dispose } = await memoryProfile.create();
      return { store: decorate(store), dispose };
    },
  };
  describeObjectStore(profile, { describe, it });
}
