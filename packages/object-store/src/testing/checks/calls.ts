import { HeadwaterError } from "@headwater/core";
import type { CallOptions, ETag, ObjectStore } from "../../port.js";
import { bytes, equal, keysOf, ok, pagesOf, rejects } from "./assert.js";
import type { ConformanceCheck } from "./check.js";

const BAD_KEYS = ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb", "a\ud800b", "k".repeat(1025)];
const ODD_KEYS = [
  "a b",
  "a+b",
  "100%",
  "%2e%2e",
  "a&b=c?d#e",
  "'q'(x)*!~$@,;:",
  "é漢🙂",
  "...",
  ".hidden",
  "a..b",
  "-",
  `${"n".repeat(200)}/${"m".repeat(200)}`,
];

/** All five calls, as functions. */
function everyCall(store: ObjectStore, key: string, options: CallOptions): Record<string, () => Promise<unknown>> {
  return {
    get: () => store.get(key, options),
    head: () => store.head(key, options),
    put: () => store.put(key, bytes(1), options),
    "put with ifNoneMatch": () => store.put(`${key}-new`, bytes(1), { ...options, precondition: { ifNoneMatch: "*" } }),
    "put with ifMatch": () => store.put(key, bytes(1), { ...options, precondition: { ifMatch: '"0"' as ETag } }),
    delete: () => store.delete(key, options),
    list: () => pagesOf(store, key, options),
  };
}

export const callChecks: readonly ConformanceCheck[] = [
  {
    name: "bad keys are refused by every call",
    async run(store) {
      await store.put("good", bytes(1));
      for (const key of BAD_KEYS) {
        const what = JSON.stringify(key).slice(0, 30);
        await rejects(store.get(key), "BAD_OPTION", `get ${what}`);
        await rejects(store.head(key), "BAD_OPTION", `head ${what}`);
        await rejects(store.put(key, bytes(1)), "BAD_OPTION", `put ${what}`);
        await rejects(store.delete(key), "BAD_OPTION", `delete ${what}`);
      }
      for (const prefix of ["/a", "a//b", "../", "a\0"])
        await rejects(pagesOf(store, prefix), "BAD_OPTION", `list ${JSON.stringify(prefix)}`);
      for (const pageSize of [0, -1, 1.5, 1001]) await rejects(pagesOf(store, "", { pageSize }), "BAD_OPTION", `pages of ${pageSize}`);
      equal(await keysOf(store, ""), ["good"], "keys");
    },
  },
  {
    name: "odd keys are keys like others",
    async run(store) {
      for (const [i, key] of ODD_KEYS.entries()) {
        await store.put(key, bytes(10, i));
        equal((await store.get(key)).body, bytes(10, i), `body of ${key}`);
        equal(await keysOf(store, key), [key], `listing of ${key}`);
      }
      for (const key of ODD_KEYS) await store.delete(key);
      equal(await keysOf(store, ""), [], "keys in the end");
    },
  },
  {
    name: "replies tell the store's time",
    async run(store) {
      const put = await store.put("t", bytes(1));
      const head = await store.head("t");
      const [page] = await pagesOf(store, "t");
      const times = [put.dateMs, head.dateMs, (await store.get("t")).dateMs, page?.dateMs ?? 0];
      ok(
        times.every((ms) => Number.isFinite(ms) && ms > 1.5e12),
        `dates ${times.join(", ")}`,
      );
      ok(Math.max(...times) - Math.min(...times) < 60_000, `dates far apart: ${times.join(", ")}`);
      ok(Math.abs(head.lastModifiedMs - put.dateMs) < 60_000, `written at ${head.lastModifiedMs}, answered at ${put.dateMs}`);
    },
  },
  {
    name: "a signal that has fired stops every call before it does anything",
    async run(store) {
      await store.put("a", bytes(3));
      const reason = AbortSignal.abort(new Error("enough"));
      for (const [name, call] of Object.entries(everyCall(store, "a", { signal: reason }))) await rejects(call(), "ABORTED", name);
      equal(await keysOf(store, ""), ["a"], "keys");
      equal((await store.get("a")).body, bytes(3), "body");
    },
  },
  {
    name: "a signal that fires during a call ends it, one way or the other",
    async run(store) {
      await store.put("a", bytes(2_000_000));
      for (let i = 0; i < 10; i += 1) {
        const controller = new AbortController();
        const reading = store.get("a", { signal: controller.signal });
        for (let turn = 0; turn < i; turn += 1) await Promise.resolve();
        controller.abort();
        const outcome = await reading.then(
          ({ body }) => (body.byteLength === 2_000_000 ? "whole" : `${body.byteLength} bytes`),
          (error: unknown) => (HeadwaterError.is(error) && error.code === "ABORTED" ? "aborted" : String(error)),
        );
        ok(outcome === "whole" || outcome === "aborted", `got ${outcome}`);
      }
      equal((await store.get("a", { range: { suffix: 3 } })).body, bytes(2_000_000).subarray(-3), "afterwards");
    },
  },
  {
    name: "a closed store refuses every call",
    async run(store) {
      await store.put("a", bytes(3));
      await store.close();
      await store.close();
      for (const [name, call] of Object.entries(everyCall(store, "a", {}))) await rejects(call(), "CLOSED", name);
    },
  },
];
