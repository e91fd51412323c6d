import { systemRuntime } from "@headwater/core/node";
import { type ETag, type GetResult, type ListPage, MemoryBucket, MemoryObjectStore, type ObjectStore } from "../../src/index.js";
import { conformanceChecks } from "../../src/testing.js";

/** A way to be wrong, and one check that must notice. */
export interface BrokenStore {
  readonly name: string;
  readonly noticedBy: string;
  create(): ObjectStore;
}

type Methods = Partial<ObjectStore>;

/** A memory store with some methods replaced. */
function broken(name: string, noticedBy: string, breakIt: (right: MemoryObjectStore, bucket: MemoryBucket) => Methods): BrokenStore {
  return {
    name,
    noticedBy,
    create() {
      const bucket = new MemoryBucket();
      const right = new MemoryObjectStore({ clock: systemRuntime.clock, bucket });
      const all: ObjectStore = {
        description: right.description,
        get: (...args) => right.get(...args),
        head: (...args) => right.head(...args),
        put: (...args) => right.put(...args),
        delete: (...args) => right.delete(...args),
        list: (...args) => right.list(...args),
        close: () => right.close(),
      };
      return { ...all, ...breakIt(right, bucket) };
    },
  };
}

function listing(right: MemoryObjectStore, change: (page: ListPage, number: number) => ListPage | undefined): ObjectStore["list"] {
  return async function* (prefix, options) {
    let number = 0;
    for await (const page of right.list(prefix, options)) {
      const changed = change(page, number++);
      if (changed === undefined) return;
      yield changed;
    }
  };
}

function reading(right: MemoryObjectStore, change: (got: GetResult) => GetResult): ObjectStore["get"] {
  return async (key, options) => {
    const got = await right.get(key, options);
    return options?.range === undefined ? got : change(got);
  };
}

const known = new Set(conformanceChecks.map((check) => check.name));

export const brokenStores: readonly BrokenStore[] = [
  broken("flips a bit", "get returns the bytes that were put, and what they are", (right) => ({
    put: (key, body, options) =>
      right.put(
        key,
        body.map((byte, i) => (i === 500 ? byte ^ 1 : byte)),
        options,
      ),
  })),
  broken("can't hold nothing", "an object of no bytes", (right) => ({
    put: (key, body, options) => right.put(key, body.byteLength === 0 ? Uint8Array.of(0) : body, options),
  })),
  broken("cuts what is large", "an object of several megabytes, whole and in ranges", (right) => ({
    put: (key, body, options) => right.put(key, body.subarray(0, 5_000_000), options),
  })),
  broken("makes sense of any range", "ranges that make no sense are refused", (right) => ({
    get: (key, options) =>
      right.get(key, options).catch((error: { code?: string }) => {
        if (error.code !== "BAD_OPTION") throw error;
        return right.get(key);
      }),
  })),
  broken("reads everything into one buffer", "many reads at once", (right) => {
    const scratch = new Uint8Array(10_000_000);
    return {
      async get(key, options) {
        const got = await right.get(key, options);
        scratch.set(got.body);
        return { ...got, body: scratch.subarray(0, got.body.byteLength) };
      },
    };
  }),
  broken("ignores ifNoneMatch", "put with ifNoneMatch creates, and leaves alone what is there", (right) => ({
    put: (key, body, { precondition: _, ...options } = {}) => right.put(key, body, options),
  })),
  broken("looks before it creates", "of many creators at once exactly one wins", (right) => ({
    async put(key, body, { precondition, ...options } = {}) {
      if (precondition === undefined || "ifMatch" in precondition)
        return right.put(key, body, precondition ? { ...options, precondition } : options);
      const isThere = await right.head(key).then(
        () => true,
        () => false,
      );
      return right.put(key, body, isThere ? { precondition } : options);
    },
  })),
  broken("ignores ifMatch on put", "put with ifMatch replaces only the object that was meant", (right) => ({
    put: (key, body, { precondition, ...options } = {}) =>
      right.put(key, body, precondition !== undefined && "ifNoneMatch" in precondition ? { ...options, precondition } : options),
  })),
  broken("sends before it looks", "put that is called off right before it is sent does nothing", (right) => ({
    async put(key, body, { beforeSend, ...options } = {}) {
      const result = await right.put(key, body, options);
      beforeSend?.();
      return result;
    },
  })),
  broken("creates under ifMatch", "put with ifMatch never creates", (right) => ({
    async put(key, body, options = {}) {
      const isThere = await right.head(key, options).then(
        () => true,
        () => false,
      );
      return right.put(key, body, isThere ? options : {});
    },
  })),
  broken("looks before it swaps", "of many swaps of one state at most one wins", (right) => ({
    async put(key, body, { precondition, ...options } = {}) {
      if (precondition === undefined || "ifNoneMatch" in precondition)
        return right.put(key, body, precondition ? { ...options, precondition } : options);
      const { etag } = await right.head(key).catch(() => ({ etag: "" }));
      return right.put(key, body, etag === precondition.ifMatch ? options : { precondition });
    },
  })),
  broken("ignores ifMatch on get", "get with ifMatch only reads the object that was meant", (right) => ({
    get: (key, { ifMatch: _, ...options } = {}) => right.get(key, options),
  })),
  broken("returns short ranges", "ranges are half open and cut at the end", (right) => ({
    get: reading(right, (got) => ({ ...got, body: got.body.subarray(0, Math.max(1, got.body.byteLength - 1)) })),
  })),
  broken("takes the end of a range as included", "ranges are half open and cut at the end", (right) => ({
    get: (key, options = {}) =>
      right.get(
        key,
        options.range && "end" in options.range
          ? { ...options, range: { start: options.range.start, end: options.range.end + 1 } }
          : options,
      ),
  })),
  broken("answers a range with the whole object", "ranges are half open and cut at the end", (right) => ({
    get: (key, { range: _, ...options } = {}) => right.get(key, options),
  })),
  broken("returns nothing past the end", "a range that starts at or past the end is OUT_OF_RANGE", (right) => ({
    get: (key, options) =>
      right.get(key, options).catch(async (error: { code?: string }) => {
        if (error.code !== "OUT_OF_RANGE") throw error;
        return { ...(await right.get(key)), body: new Uint8Array() };
      }),
  })),
  broken("says where a suffix lies wrongly", "suffix ranges, also longer than the object", (right) => ({
    get: reading(right, (got) => ({ ...got, start: 0 })),
  })),
  broken("returns nothing for what is missing", "a missing object is STORE_NOT_FOUND", (right) => ({
    get: (key, options) =>
      right.get(key, options).catch((error: { code?: string }) => {
        if (error.code !== "STORE_NOT_FOUND") throw error;
        return { body: new Uint8Array(), start: 0, etag: '"0"' as ETag, size: 0, dateMs: 0, metadata: {} };
      }),
  })),
  broken("has one ETag for everything", "other content has another ETag, the same everywhere", (right) => ({
    put: async (key, body, options) => ({ ...(await right.put(key, body, options)), etag: '"same"' as ETag }),
  })),
  broken("gives out its own bytes", "bytes belong to whoever has them", (right, bucket) => ({
    async get(key, options) {
      const got = await right.get(key, options);
      return options?.range === undefined ? { ...got, body: bucket.get(key)?.body ?? got.body } : got;
    },
  })),
  broken("keeps the caller's bytes", "bytes belong to whoever has them", (right) => {
    const kept = new Map<string, Uint8Array>();
    return {
      put: async (key, body, options) => {
        const result = await right.put(key, body, options);
        kept.set(key, body);
        return result;
      },
      get: async (key, options) => {
        const got = await right.get(key, options);
        return options?.range === undefined ? { ...got, body: kept.get(key) ?? got.body } : got;
      },
    };
  }),
  broken("shows what is half written", "a reader never sees part of an object", (right) => ({
    async put(key, body, options = {}) {
      if (options.precondition === undefined && body.byteLength > 1000) {
        await right.put(key, body.subarray(0, 1000), options);
        for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      }
      return right.put(key, body, options);
    },
  })),
  broken("appends", "put replaces the whole object", (right) => ({
    async put(key, body, options = {}) {
      const old = await right.get(key).catch(() => undefined);
      if (old === undefined || options.precondition !== undefined) return right.put(key, body, options);
      return right.put(key, Uint8Array.from([...body, ...old.body.subarray(body.byteLength)]), options);
    },
  })),
  broken("fails to delete nothing", "delete removes, and succeeds where nothing is", (right) => ({
    async delete(key, options) {
      await right.head(key, options);
      await right.delete(key, options);
    },
  })),
  broken("deletes a whole folder", "delete removes, and succeeds where nothing is", (right, bucket) => ({
    async delete(key, options) {
      await right.delete(key, options);
      for (const other of [...bucket.keys()]) if (other.startsWith(`${key}/`)) bucket.delete(other);
    },
  })),
  broken("drops metadata", "metadata comes back where it is supported, and is checked everywhere", (right) => ({
    put: (key, body, { metadata: _, ...options } = {}) => right.put(key, body, options),
  })),
  broken("lists backwards", "list is in the order of the keys' UTF-8 bytes", (right) => ({
    list: listing(right, (page) => ({ ...page, objects: page.objects.toReversed() })),
  })),
  broken("lists in the order of UTF-16", "list is in the order of the keys' UTF-8 bytes", (right) => ({
    list: listing(right, (page) => ({ ...page, objects: page.objects.toSorted((a, b) => (a.key < b.key ? -1 : 1)) })),
  })),
  broken("takes a prefix for a folder", "a prefix is the beginning of a key, not a folder", (right) => ({
    list: (prefix, options) => right.list(prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`, options),
  })),
  broken("lists nothing as no page", "a listing of nothing is one empty page", (right) => ({
    list: listing(right, (page) => (page.objects.length === 0 ? undefined : page)),
  })),
  broken("begins with the key of startAfter", "startAfter begins behind a key, whether it is there or not", (right) => ({
    async *list(prefix, options = {}) {
      const { startAfter, ...rest } = options;
      for await (const page of right.list(prefix, rest))
        yield { ...page, objects: page.objects.filter((o) => startAfter === undefined || o.key >= startAfter) };
    },
  })),
  broken("stops after the first page", "pages hold at most what was asked for, and together everything once", (right) => ({
    list: listing(right, (page, number) => (number === 0 ? { ...page, truncated: false } : undefined)),
  })),
  broken("repeats a key on the next page", "pages hold at most what was asked for, and together everything once", (right) => {
    return {
      async *list(prefix, options) {
        let last: ListPage["objects"] = [];
        for await (const page of right.list(prefix, options)) {
          yield { ...page, objects: [...last, ...page.objects] };
          last = page.objects.slice(-1);
        }
      },
    };
  }),
  broken("lists an old state", "a listing shows the state after each put and delete", (right) => {
    const old = new Map<string, ListPage[]>();
    return {
      async *list(prefix, options = {}) {
        const name = JSON.stringify([prefix, options.startAfter, options.pageSize]);
        if (!old.has(name)) {
          const pages: ListPage[] = [];
          for await (const page of right.list(prefix, options)) pages.push(page);
          old.set(name, pages);
        }
        yield* old.get(name) ?? [];
      },
    };
  }),
  broken("lists wrong sizes", "a listing says what head says", (right) => ({
    list: listing(right, (page) => ({ ...page, objects: page.objects.map((o) => ({ ...o, size: 0 })) })),
  })),
  broken("lists only once", "a listing may be left early, and be taken twice", (right) => {
    const seen = new Set<string>();
    return {
      list: listing(right, (page) => {
        const fresh = page.objects.filter((o) => !seen.has(o.key));
        for (const object of fresh) seen.add(object.key);
        return { ...page, objects: fresh };
      }),
    };
  }),
  broken("takes any key", "bad keys are refused by every call", (right) => {
    const safe = (key: string): string => key.replace(/[^a-z0-9/]/g, "x").replace(/^\/|\/$|\/\/|^$/g, "x");
    return { get: (key, options) => right.get(safe(key), options) };
  }),
  broken("mixes keys up", "odd keys are keys like others", (right) => {
    const plain = (key: string): string => decodeURIComponent(key.replace(/%(?![0-9a-f]{2})/gi, "")).replaceAll("+", " ");
    return { put: (key, body, options) => right.put(plain(key), body, options), get: (key, options) => right.get(plain(key), options) };
  }),
  broken("has no clock", "replies tell the store's time", (right) => ({
    head: async (key, options) => ({ ...(await right.head(key, options)), dateMs: 0 }),
  })),
  broken("ignores signals", "a signal that has fired stops every call before it does anything", (right) => ({
    put: (key, body, { signal: _, ...options } = {}) => right.put(key, body, options),
  })),
  broken("returns what was read before the abort", "a signal that fires during a call ends it, one way or the other", (right) => ({
    async get(key, options) {
      const got = await right.get(key, options);
      await Promise.resolve();
      return options?.signal?.aborted ? { ...got, body: got.body.subarray(0, 10) } : got;
    },
  })),
  broken("stays open", "a closed store refuses every call", () => ({ close: () => Promise.resolve() })),
];

for (const { name, noticedBy } of brokenStores) {
  if (!known.has(noticedBy)) throw new Error(`broken store ${JSON.stringify(name)} names no check: ${noticedBy}`);
}
