import { HeadwaterError } from "@headwater/core";
import type { ETag, ObjectStore } from "../../port.js";
import { bytes, equal, keysOf, ok, rejects } from "./assert.js";
import type { ConformanceCheck } from "./check.js";

/** What a loser of a race may be told. Some servers answer 500 to a swap that they did not do. */
const LOST = ["STORE_PRECONDITION", "STORE_CONFLICT", "STORE_UNAVAILABLE"];

/** Puts all at once; returns the indexes of those that were told they had won. */
async function race(puts: readonly Promise<unknown>[]): Promise<number[]> {
  const results = await Promise.allSettled(puts);
  for (const result of results) {
    if (result.status === "rejected")
      ok(HeadwaterError.is(result.reason) && LOST.includes(result.reason.code), `a loser got ${String(result.reason)}`);
  }
  return results.flatMap((result, i) => (result.status === "fulfilled" ? [i] : []));
}

async function create(store: ObjectStore, key: string, body: Uint8Array): Promise<unknown> {
  return store.put(key, body, { precondition: { ifNoneMatch: "*" } });
}

export const writingChecks: readonly ConformanceCheck[] = [
  {
    name: "put replaces the whole object",
    async run(store) {
      await store.put("w", bytes(100, 1));
      await store.put("w", bytes(10, 2));
      equal((await store.get("w")).body, bytes(10, 2), "body");
      equal(await keysOf(store, ""), ["w"], "keys");
    },
  },
  {
    name: "put with ifNoneMatch creates, and leaves alone what is there",
    async run(store) {
      await create(store, "c", bytes(10, 1));
      await rejects(create(store, "c", bytes(10, 2)), "STORE_PRECONDITION", "second");
      equal((await store.get("c")).body, bytes(10, 1), "body");
      await store.delete("c");
      await create(store, "c", bytes(10, 3));
      equal((await store.get("c")).body, bytes(10, 3), "body after delete and create");
    },
  },
  {
    name: "of many creators at once exactly one wins",
    async run(store) {
      for (let round = 0; round < 5; round += 1) {
        const winners = await race(Array.from({ length: 8 }, (_, i) => create(store, `race/${round}`, bytes(100, i))));
        equal(winners.length, 1, "winners");
        equal((await store.get(`race/${round}`)).body, bytes(100, winners[0]), "body is the winner's");
      }
    },
  },
  {
    name: "put with ifMatch replaces only the object that was meant",
    async run(store) {
      const first = await store.put("s", bytes(10, 1));
      const second = await store.put("s", bytes(10, 2), { precondition: { ifMatch: first.etag } });
      equal((await store.get("s")).etag, second.etag, "ETag");
      await rejects(store.put("s", bytes(10, 3), { precondition: { ifMatch: first.etag } }), "STORE_PRECONDITION", "old ETag");
      equal((await store.get("s")).body, bytes(10, 2), "body");
      await store.put("s", bytes(10, 4), { precondition: { ifMatch: second.etag } });
      equal((await store.get("s")).body, bytes(10, 4), "body after the second swap");
    },
  },
  {
    name: "put that is called off right before it is sent does nothing",
    async run(store) {
      const stop = new HeadwaterError("TIMEOUT", "too late");
      const beforeSend = (): void => {
        throw stop;
      };
      const { etag } = await store.put("b", bytes(10, 1));
      for (const precondition of [{ ifNoneMatch: "*" }, { ifMatch: etag }] as const) {
        for (const key of ["b", "new"]) {
          const thrown: unknown = await store.put(key, bytes(10, 2), { precondition, beforeSend }).catch((error: unknown) => error);
          ok(HeadwaterError.is(thrown) && ["TIMEOUT", "STORE_PRECONDITION"].includes(thrown.code), `it failed with ${String(thrown)}`);
        }
      }
      await rejects(store.put("new", bytes(10, 2), { precondition: { ifNoneMatch: "*" }, beforeSend }), "TIMEOUT", "a free key");
      equal(await keysOf(store, ""), ["b"], "keys");
      let asked = 0;
      const count = (): void => {
        asked += 1;
      };
      await store.put("new", bytes(10, 3), { precondition: { ifNoneMatch: "*" }, beforeSend: count });
      equal(asked, 1, "calls of beforeSend");
    },
  },
  {
    name: "put with ifMatch never creates",
    async run(store) {
      const gone = await store.put("s", bytes(10, 1));
      await store.delete("s");
      await rejects(store.put("s", bytes(10, 2), { precondition: { ifMatch: gone.etag } }), "STORE_PRECONDITION", "deleted");
      await rejects(store.put("t", bytes(10, 2), { precondition: { ifMatch: '"0"' as ETag } }), "STORE_PRECONDITION", "never there");
      equal(await keysOf(store, ""), [], "keys");
      await store.put("s", bytes(10, 3));
      await rejects(store.put("s", bytes(10, 4), { precondition: { ifMatch: gone.etag } }), "STORE_PRECONDITION", "there again");
    },
  },
  {
    name: "of many swaps of one state at most one wins",
    async run(store) {
      let state = await store.put("swap", bytes(20, 1000));
      let wins = 0;
      for (let round = 0; round < 8; round += 1) {
        const precondition = { ifMatch: state.etag };
        const winners = await race(Array.from({ length: 4 }, (_, i) => store.put("swap", bytes(20, round * 10 + i), { precondition })));
        ok(winners.length <= 1, `${winners.length} swaps of one state were told that they had won`);
        const now = await store.get("swap");
        if (winners[0] !== undefined) equal(now.body, bytes(20, round * 10 + winners[0]), "body is the winner's");
        wins += winners.length;
        state = now;
      }
      ok(wins > 0, "no swap ever won");
    },
  },
  {
    name: "a reader never sees part of an object",
    async run(store) {
      const sizes = [200_000, 10];
      await store.put("whole", bytes(200_000, 0));
      let isDone = false;
      const writer = (async () => {
        for (let i = 1; i <= 10; i += 1) await store.put("whole", bytes(sizes[i % 2] ?? 0, i));
        isDone = true;
      })();
      while (!isDone) {
        const got = await store.get("whole");
        const version = Array.from({ length: 11 }, (_, i) => i).find((i) => bytes(1, i)[0] === got.body[0] && sizes[i % 2] === got.size);
        ok(version !== undefined, `an object of ${got.size} bytes that nobody wrote`);
        equal(got.body, bytes(sizes[version % 2] ?? 0, version), `version ${version}`);
      }
      await writer;
    },
  },
  {
    name: "delete removes, and succeeds where nothing is",
    async run(store) {
      await store.put("d/a", bytes(1));
      await store.put("d/b", bytes(1));
      await store.delete("d/a");
      await rejects(store.get("d/a"), "STORE_NOT_FOUND", "get");
      equal(await keysOf(store, "d/"), ["d/b"], "keys");
      await store.delete("d/a");
      await store.delete("never/there");
      await store.delete("d");
      equal(await keysOf(store, "d/"), ["d/b"], "keys after deletes of nothing");
    },
  },
  {
    name: "metadata comes back where it is supported, and is checked everywhere",
    async run(store, supports) {
      const metadata = { "litestream-timestamp": "2026-01-02T03:04:05.123456789Z", empty: "" };
      await store.put("m", bytes(1), { metadata });
      const expected = supports.metadata ? metadata["litestream-timestamp"] : undefined;
      equal((await store.get("m")).metadata["litestream-timestamp"], expected, "get");
      equal((await store.head("m")).metadata["litestream-timestamp"], expected, "head");
      await store.put("m", bytes(1));
      equal((await store.head("m")).metadata["litestream-timestamp"], undefined, "after a put without");
      for (const bad of [{ Upper: "x" }, { "a b": "x" }, { a: "é" }, { a: "x\ny" }, { a: "x".repeat(3000) }]) {
        await rejects(store.put("m", bytes(1), { metadata: bad }), "BAD_OPTION", JSON.stringify(bad).slice(0, 50));
      }
    },
  },
];
