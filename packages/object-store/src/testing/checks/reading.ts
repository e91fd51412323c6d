import type { ETag } from "../../port.js";
import { bytes, equal, ok, rejects } from "./assert.js";
import type { ConformanceCheck } from "./check.js";

export const readingChecks: readonly ConformanceCheck[] = [
  {
    name: "get returns the bytes that were put, and what they are",
    async run(store) {
      const body = bytes(1000);
      const put = await store.put("a/b", body);
      const got = await store.get("a/b");
      equal(got.body, body, "body");
      equal([got.start, got.size, got.etag], [0, 1000, put.etag], "start, size, ETag");
      const head = await store.head("a/b");
      equal([head.key, head.size, head.etag], ["a/b", 1000, put.etag], "head");
    },
  },
  {
    name: "an object of no bytes",
    async run(store) {
      await store.put("empty", new Uint8Array());
      const got = await store.get("empty");
      equal([got.body.byteLength, got.size, (await store.head("empty")).size], [0, 0, 0], "sizes");
      await rejects(store.get("empty", { range: { start: 0, end: 1 } }), "OUT_OF_RANGE", "range of nothing");
      await rejects(store.get("empty", { range: { suffix: 1 } }), "OUT_OF_RANGE", "suffix of nothing");
    },
  },
  {
    name: "an object of several megabytes, whole and in ranges",
    async run(store) {
      const body = bytes(6_000_000);
      await store.put("large", body);
      equal((await store.get("large")).body, body, "whole");
      const range = { start: 2_999_999, end: 5_000_001 };
      equal((await store.get("large", { range })).body, body.subarray(range.start, range.end), "middle");
    },
  },
  {
    name: "ranges are half open and cut at the end",
    async run(store) {
      const body = bytes(100);
      await store.put("r", body);
      for (const [start, end] of [
        [0, 1],
        [0, 100],
        [99, 100],
        [10, 20],
        [90, 200],
        [0, 1_000_000],
      ] as const) {
        const got = await store.get("r", { range: { start, end } });
        equal([got.body, got.start, got.size], [body.subarray(start, end), start, 100], `range ${start}..${end}`);
      }
    },
  },
  {
    name: "suffix ranges, also longer than the object",
    async run(store) {
      const body = bytes(100);
      await store.put("r", body);
      for (const suffix of [1, 10, 100, 1000]) {
        const got = await store.get("r", { range: { suffix } });
        const start = Math.max(0, 100 - suffix);
        equal([got.body, got.start, got.size], [body.subarray(start), start, 100], `suffix ${suffix}`);
      }
    },
  },
  {
    name: "a range that starts at or past the end is OUT_OF_RANGE",
    async run(store) {
      await store.put("r", bytes(100));
      await rejects(store.get("r", { range: { start: 100, end: 101 } }), "OUT_OF_RANGE", "at the end");
      await rejects(store.get("r", { range: { start: 5000, end: 6000 } }), "OUT_OF_RANGE", "past the end");
    },
  },
  {
    name: "ranges that make no sense are refused",
    async run(store) {
      await store.put("r", bytes(100));
      for (const range of [
        { start: 5, end: 5 },
        { start: 6, end: 5 },
        { start: -1, end: 5 },
        { start: 0.5, end: 5 },
        { start: 0, end: Number.POSITIVE_INFINITY },
        { suffix: 0 },
        { suffix: -1 },
        { suffix: Number.NaN },
      ]) {
        await rejects(store.get("r", { range }), "BAD_OPTION", JSON.stringify(range));
      }
    },
  },
  {
    name: "a missing object is STORE_NOT_FOUND",
    async run(store) {
      await store.put("a/b", bytes(1));
      for (const key of ["x", "a", "a/b/c", "a/bb"]) {
        await rejects(store.get(key), "STORE_NOT_FOUND", `get ${key}`);
        await rejects(store.head(key), "STORE_NOT_FOUND", `head ${key}`);
        await rejects(store.get(key, { range: { suffix: 1 } }), "STORE_NOT_FOUND", `range of ${key}`);
      }
      await rejects(store.get("x", { ifMatch: '"0"' as ETag }), "STORE_NOT_FOUND", "get with ifMatch");
    },
  },
  {
    name: "get with ifMatch only reads the object that was meant",
    async run(store) {
      const first = await store.put("p", bytes(100, 1));
      equal((await store.get("p", { ifMatch: first.etag })).body, bytes(100, 1), "body");
      const second = await store.put("p", bytes(100, 2));
      await rejects(store.get("p", { ifMatch: first.etag }), "STORE_PRECONDITION", "old ETag");
      await rejects(store.get("p", { ifMatch: first.etag, range: { start: 0, end: 10 } }), "STORE_PRECONDITION", "old ETag and range");
      equal((await store.get("p", { ifMatch: second.etag, range: { start: 0, end: 10 } })).body, bytes(100, 2).subarray(0, 10), "new ETag");
    },
  },
  {
    name: "other content has another ETag, the same everywhere",
    async run(store) {
      const seen = new Set<string>();
      for (let i = 0; i < 5; i += 1) {
        const put = await store.put("e", bytes(50, i));
        const page = (await store.list("e")[Symbol.asyncIterator]().next()).value;
        const listed = page === undefined ? undefined : page.objects[0]?.etag;
        equal([(await store.get("e")).etag, (await store.head("e")).etag, listed], [put.etag, put.etag, put.etag], "get, head, list");
        ok(/^".+"$/.test(put.etag), `an ETag in quotes, got ${put.etag}`);
        seen.add(put.etag);
      }
      equal(seen.size, 5, "different ETags");
    },
  },
  {
    name: "many reads at once",
    async run(store) {
      const body = bytes(10_000);
      await store.put("m", body);
      const reads = Array.from({ length: 50 }, (_, i) => store.get("m", { range: { start: i * 200, end: i * 200 + 200 } }));
      for (const [i, got] of (await Promise.all(reads)).entries()) equal(got.body, body.subarray(i * 200, i * 200 + 200), `read ${i}`);
    },
  },
  {
    name: "bytes belong to whoever has them",
    async run(store) {
      const body = bytes(100);
      await store.put("own", body);
      const expected = body.slice();
      body.fill(0);
      const got = await store.get("own");
      equal(got.body, expected, "after the caller reused its buffer");
      got.body.fill(0);
      equal((await store.get("own")).body, expected, "after a reader wrote into what it got");
    },
  },
];
