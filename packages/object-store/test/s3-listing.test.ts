import { systemRuntime } from "@headwater/core/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ListOptions, RetryingObjectStore } from "../src/index.js";
import type { S3ObjectStore } from "../src/s3.js";
import { type RogueObject, RogueServer, sendError, sendList } from "./support/rogue-server.js";

// Listings of servers that page wrongly: complete, or an error; never a gap, a repeat or an endless loop.
let server: RogueServer;
let store: S3ObjectStore;
const KEYS = ["p/a", "p/b", "p/c", "p/d", "p/e"];

beforeEach(async () => {
  server = await RogueServer.start();
  store = server.store();
  for (const key of KEYS) server.hold(key, new TextEncoder().encode(key));
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

async function keysOf(options: ListOptions = {}, of: Pick<S3ObjectStore, "list"> = store): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of of.list("p/", options)) keys.push(...page.objects.map((o) => o.key));
  return keys;
}

const rows = (...keys: string[]): { key: string; object: RogueObject }[] =>
  keys.map((key) => ({ key, object: server.objects.get(key) ?? server.hold(key, new Uint8Array()) }));

/** Two keys a page, behind start-after or the token; `next` is the token to send. */
function pages(
  next: (last: string | undefined) => string | undefined,
  from: (after: string) => string[] = (a) => KEYS.filter((k) => k > a),
): void {
  server.misbehave = ({ query }, res) => {
    const after = query.get("start-after") ?? query.get("continuation-token") ?? "";
    const rest = from(after);
    const page = rest.slice(0, 2);
    const isTruncated = rest.length > 2;
    sendList(res, rows(...page), isTruncated, isTruncated ? next(page.at(-1)) : undefined);
    return true;
  };
}

it("is complete, with sizes, dates and bytes", async () => {
  const all = [];
  for await (const page of store.list("p/", { pageSize: 2 })) all.push(page);
  expect(all.flatMap((p) => p.objects.map((o) => o.key))).toEqual(KEYS);
  expect(all.map((p) => p.truncated)).toEqual([true, true, false]);
  expect(all[0]?.objects[0]).toEqual({
    key: "p/a",
    size: 3,
    etag: server.objects.get("p/a")?.etag,
    lastModifiedMs: Date.parse("2026-01-01T00:00:00Z"),
  });
  expect(all.every((p) => (p.bytes ?? 0) > 100 && Math.abs(p.dateMs - Date.now()) < 60_000)).toBe(true);
});

it("goes on behind the last key where a truncated page has no token", async () => {
  pages(() => undefined);
  expect(await keysOf()).toEqual(KEYS);
  expect(server.requests.map((r) => r.query.get("start-after"))).toEqual([null, "p/b", "p/d"]);
});

it("leaves out a page's first key where it is the last of the page before", async () => {
  pages(
    (last) => last,
    (after) => KEYS.filter((k) => k >= after),
  );
  expect(await keysOf()).toEqual(KEYS);
});

it("leaves out what comes before the start where the server ignores start-after", async () => {
  server.misbehave = (_request, res) => {
    sendList(res, rows(...KEYS), false);
    return true;
  };
  expect(await keysOf({ startAfter: "p/c" })).toEqual(["p/d", "p/e"]);
});

describe("ends with an error", () => {
  const bounded = async (code: string): Promise<void> => {
    await expect(keysOf()).rejects.toMatchObject({ code });
    expect(server.requests.length).toBeLessThanOrEqual(12);
  };

  it("when the same page comes again and again", async () => {
    pages(
      () => "same",
      () => KEYS,
    );
    await bounded("STORE_UNSAFE");
  });

  it("when one key is repeated for ever", async () => {
    server.misbehave = (_request, res) => {
      sendList(res, rows("p/a"), true, "next");
      return true;
    };
    await bounded("STORE_UNAVAILABLE");
  });

  it("when empty pages come for ever", async () => {
    server.misbehave = ({ number }, res) => {
      sendList(res, [], true, `token-${number}`);
      return true;
    };
    await bounded("STORE_UNAVAILABLE");
  });

  it("when an empty page says that there is more and not where", async () => {
    server.misbehave = (_request, res) => {
      sendList(res, [], true);
      return true;
    };
    await bounded("STORE_UNAVAILABLE");
  });

  it("when keys are out of order", async () => {
    server.misbehave = (_request, res) => {
      sendList(res, rows("p/b", "p/a"), false);
      return true;
    };
    await bounded("STORE_UNSAFE");
  });

  it("when a key lies outside of the prefix", async () => {
    server.misbehave = (_request, res) => {
      sendList(res, rows("q/a"), false);
      return true;
    };
    await bounded("STORE_UNAVAILABLE");
  });

  it.each(["", "<html>welcome to the wifi</html>", "<ListBucketResult><Contents><Key>p/a"])("when 200 comes with %j", async (text) => {
    server.misbehave = (_request, res) => {
      res.writeHead(200, { "content-type": "application/xml" }).end(text);
      return true;
    };
    await bounded("STORE_UNAVAILABLE");
  });
});

it("goes on where it was when a page fails and is tried again", async () => {
  server.misbehave = ({ number }, res) => {
    if (number % 2 === 1) return false;
    sendError(res, 503, "SlowDown");
    return true;
  };
  const retrying = new RetryingObjectStore(store, { runtime: systemRuntime, baseDelayMs: 1 });
  expect(await keysOf({ pageSize: 1 }, retrying as unknown as S3ObjectStore)).toEqual(KEYS);
});

it("asks for the next page only when it is wanted", async () => {
  const pagesOf = store.list("p/", { pageSize: 1 })[Symbol.asyncIterator]();
  await pagesOf.next();
  expect(server.requests).toHaveLength(1);
  await pagesOf.return?.();
  expect(server.requests).toHaveLength(1);
});
