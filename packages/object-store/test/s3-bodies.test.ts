import { SeededRandom } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { S3ObjectStore } from "../src/s3.js";
import { extentOf, type RogueObject, type RogueRequest, RogueServer, type sendPart } from "./support/rogue-server.js";

// Bodies that stall, break off or end early.
const IDLE_MS = 300;
const SIZE = 200_000;
let server: RogueServer;
let store: S3ObjectStore;
let object: RogueObject;

beforeEach(async () => {
  server = await RogueServer.start();
  store = server.store({ idleTimeoutMs: IDLE_MS });
  object = server.hold("a", new SeededRandom(9).bytes(SIZE));
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

type Ending = "stall" | "reset" | "close" | "end";

/** Announces what was asked for, sends `length` bytes of it, and then does what `ending` says. */
function cutShort({ headers }: RogueRequest, res: Parameters<typeof sendPart>[0], length: number, ending: Ending): true {
  const { range } = headers;
  const { start, end } = extentOf(range, SIZE) ?? { start: 0, end: 0 };
  res.writeHead(range === undefined ? 200 : 206, {
    etag: object.etag,
    ...(ending === "end" ? {} : { "content-length": String(end - start) }),
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${SIZE}` }),
  });
  res.write(object.body.subarray(start, start + length), () => {
    if (ending === "reset") res.socket?.resetAndDestroy();
    else if (ending === "close") res.socket?.end();
    else if (ending === "end") res.end();
  });
  return true;
}

const ranges = (): (string | undefined)[] => server.requests.map((r) => r.headers["range"]);

describe.each<Ending>(["stall", "reset", "close"])("a body that comes to half and then a %s", (ending) => {
  it("is resumed from the byte received, of the same object", async () => {
    server.misbehave = (request, res) => request.number === 1 && cutShort(request, res, SIZE / 2, ending);
    const started = performance.now();
    const { body, etag } = await store.get("a");
    expect(performance.now() - started).toBeLessThan(10 * IDLE_MS);
    expect(Buffer.compare(body, object.body)).toBe(0);
    expect(etag).toBe(object.etag);
    expect(ranges()).toEqual([undefined, `bytes=${SIZE / 2}-${SIZE - 1}`]);
    expect(server.requests[1]?.headers["if-match"]).toBe(etag);
  });

  it("is resumed within its range", async () => {
    server.misbehave = (request, res) => request.number === 1 && cutShort(request, res, 1000, ending);
    const { body, start, size } = await store.get("a", { range: { suffix: 5000 } });
    expect(Buffer.compare(body, object.body.subarray(SIZE - 5000))).toBe(0);
    expect({ start, size }).toEqual({ start: SIZE - 5000, size: SIZE });
    expect(ranges()).toEqual(["bytes=-5000", `bytes=${SIZE - 4000}-${SIZE - 1}`]);
  });

  it("is given up when nothing more ever comes", async () => {
    server.misbehave = (request, res) => cutShort(request, res, request.number === 1 ? 1000 : 0, ending);
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(server.requests.length).toBeLessThanOrEqual(5);
  });
});

it("goes on as long as each attempt brings something", async () => {
  server.misbehave = (request, res) => cutShort(request, res, SIZE / 20, "reset");
  expect(Buffer.compare((await store.get("a")).body, object.body)).toBe(0);
  expect(server.requests.length).toBeLessThanOrEqual(20);
});

it("gives up a body that comes in crumbs for ever", async () => {
  server.misbehave = (request, res) => cutShort(request, res, 1, "reset");
  await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(server.requests.length).toBeLessThanOrEqual(100);
});

it("takes a part that ends cleanly and early for a broken one", async () => {
  server.misbehave = (request, res) => request.number === 1 && cutShort(request, res, 40, "end");
  const { body } = await store.get("a", { range: { start: 0, end: 100 } });
  expect(Buffer.compare(body, object.body.subarray(0, 100))).toBe(0);
  expect(ranges()).toEqual(["bytes=0-99", "bytes=40-99"]);
});

it("refuses more bytes than were announced", async () => {
  server.misbehave = (request, res) => cutShort(request, res, 200, "end");
  await expect(store.get("a", { range: { start: 0, end: 100 } })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

it.each([
  [undefined, "STORE_UNAVAILABLE"],
  ["ifMatch", "STORE_PRECONDITION"],
])("never joins two objects that had one key (with %s: %s)", async (condition, code) => {
  const { etag } = await store.head("a");
  server.misbehave = (request, res) => {
    if (request.method !== "GET" || server.objects.get("a") !== object) return false;
    server.hold("a", new SeededRandom(10).bytes(SIZE));
    return cutShort(request, res, SIZE / 2, "reset");
  };
  await expect(store.get("a", condition === undefined ? {} : { ifMatch: etag })).rejects.toMatchObject({ code });
  expect(server.count("GET")).toBe(2);
});

it("fails within the idle deadline when no answer comes at all", async () => {
  server.misbehave = () => true;
  const started = performance.now();
  await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await expect(store.put("b", new Uint8Array(10))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await expect(store.list("").next()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(performance.now() - started).toBeLessThan(15 * IDLE_MS);
  expect(server.requests).toHaveLength(3);
  await expect.poll(() => server.sockets.size).toBe(0);
});

it("stops reading when the caller aborts, and gives up the connection", async () => {
  const controller = new AbortController();
  server.misbehave = (request, res) => {
    cutShort(request, res, 1000, "stall");
    setImmediate(() => controller.abort());
    return true;
  };
  await expect(store.get("a", { signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
  expect(server.requests).toHaveLength(1);
  await expect.poll(() => server.sockets.size).toBe(0);
});

it("fails what is under way when it is closed", async () => {
  server.misbehave = (request, res) => cutShort(request, res, 1000, "stall");
  const reading = store.get("a");
  await expect.poll(() => server.requests.length).toBe(1);
  await store.close();
  await expect(reading).rejects.toMatchObject({ code: "CLOSED" });
});
