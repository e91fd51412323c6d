import { compareKeys } from "../../keys.js";
import type { ObjectStore } from "../../port.js";
import { bytes, equal, keysOf, ok, pagesOf } from "./assert.js";
import type { ConformanceCheck } from "./check.js";

const DAY_MS = 86_400_000;

async function putAll(store: ObjectStore, keys: readonly string[]): Promise<void> {
  await Promise.all(keys.map((key, i) => store.put(key, bytes(i + 1, i))));
}

export const listingChecks: readonly ConformanceCheck[] = [
  {
    name: "list is in the order of the keys' UTF-8 bytes",
    async run(store, supports) {
      // In UTF-16 the note (a surrogate pair) would come before the wide tilde.
      const all = ["o/B", "o/a", "o/a!", "o/a-b", "o/a.x", "o/a/b", "o/a/b.x/c", "o/a/c", "o/a0", "o/b", "o/é", "o/～", "o/𝄞"];
      const keys = supports.keysBelowKeys ? all : all.filter((key) => key !== "o/a");
      await putAll(store, keys.toReversed());
      equal(await keysOf(store, "o/"), keys, "keys");
      equal([...keys].sort(compareKeys), keys, "the order of this check");
    },
  },
  {
    name: "a prefix is the beginning of a key, not a folder",
    async run(store) {
      await putAll(store, ["p/0/a", "p/00/b", "p/1/c", "q/0/d"]);
      equal(await keysOf(store, "p/0"), ["p/0/a", "p/00/b"], "within a name");
      equal(await keysOf(store, "p/0/"), ["p/0/a"], "at a slash");
      equal(await keysOf(store, "p/0/a"), ["p/0/a"], "a whole key");
      equal(await keysOf(store, ""), ["p/0/a", "p/00/b", "p/1/c", "q/0/d"], "none");
    },
  },
  {
    name: "a listing of nothing is one empty page",
    async run(store) {
      await store.put("x", bytes(1));
      for (const prefix of ["y", "x/", "a/b/c/"]) {
        const pages = await pagesOf(store, prefix);
        equal(
          pages.map((page) => [page.objects.length, page.truncated]),
          [[0, false]],
          prefix,
        );
      }
    },
  },
  {
    name: "startAfter begins behind a key, whether it is there or not",
    async run(store) {
      await putAll(store, ["s/a", "s/b/1", "s/b/2", "s/c"]);
      for (const [startAfter, expected] of [
        ["s/a", ["s/b/1", "s/b/2", "s/c"]],
        ["s/aa", ["s/b/1", "s/b/2", "s/c"]],
        ["s/b", ["s/b/1", "s/b/2", "s/c"]],
        ["s/b/1", ["s/b/2", "s/c"]],
        ["s/b/2", ["s/c"]],
        ["s/b0", ["s/c"]],
        ["s/c", []],
        ["zzz", []],
        ["a", ["s/a", "s/b/1", "s/b/2", "s/c"]],
      ] as const) {
        equal(await keysOf(store, "s/", { startAfter }), expected, `after ${startAfter}`);
      }
    },
  },
  {
    name: "pages hold at most what was asked for, and together everything once",
    async run(store) {
      const keys = Array.from({ length: 25 }, (_, i) => `g/${i % 3}/${String(i).padStart(2, "0")}`).sort(compareKeys);
      await putAll(store, keys);
      for (const pageSize of [1, 7, 24, 25, 26]) {
        const pages = await pagesOf(store, "g/", { pageSize });
        equal(
          pages.flatMap((page) => page.objects.map((o) => o.key)),
          keys,
          `keys by ${pageSize}`,
        );
        ok(
          pages.every((page) => page.objects.length <= pageSize),
          `a page of more than ${pageSize}`,
        );
        ok(
          pages.every((page, i) => page.truncated === i < pages.length - 1),
          `truncated says whether a page follows, by ${pageSize}`,
        );
      }
      equal(await keysOf(store, "g/", { pageSize: 4, startAfter: keys[9] ?? "" }), keys.slice(10), "with startAfter");
    },
  },
  {
    name: "a listing shows the state after each put and delete",
    async run(store) {
      for (let i = 0; i < 5; i += 1) {
        await store.put(`f/${i}`, bytes(1));
        equal((await keysOf(store, "f/")).length, i + 1, `after put ${i}`);
      }
      await store.delete("f/2");
      equal(await keysOf(store, "f/"), ["f/0", "f/1", "f/3", "f/4"], "after delete");
    },
  },
  {
    name: "a listing says what head says",
    async run(store) {
      await putAll(store, ["h/a", "h/b"]);
      const [page] = await pagesOf(store, "h/");
      for (const object of page?.objects ?? []) {
        const head = await store.head(object.key);
        equal([object.size, object.etag], [head.size, head.etag], object.key);
        ok(
          Math.abs(head.dateMs - object.lastModifiedMs) < DAY_MS,
          `lastModifiedMs=${object.lastModifiedMs} while the store's clock says ${head.dateMs}`,
        );
        // A HEAD tells whole seconds.
        ok(
          Math.abs(head.lastModifiedMs - object.lastModifiedMs) < 1000,
          `lastModifiedMs differs: ${head.lastModifiedMs}, ${object.lastModifiedMs}`,
        );
      }
      equal(
        page?.objects.map((o) => o.size),
        [1, 2],
        "sizes",
      );
    },
  },
  {
    name: "a listing may be left early, and be taken twice",
    async run(store) {
      await putAll(store, ["e/1", "e/2", "e/3"]);
      const listing = store.list("e/", { pageSize: 1 });
      for await (const page of listing) {
        equal(page.objects[0]?.key, "e/1", "first page");
        break;
      }
      equal(await keysOf(store, "e/", { pageSize: 2 }), ["e/1", "e/2", "e/3"], "afterwards");
    },
  },
];
