import { SeededRandom } from "@headwater/core/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ETag } from "../src/index.js";
import type { S3ObjectStore } from "../src/s3.js";
import { type RogueObject, RogueServer, sendError, sendPart } from "./support/rogue-server.js";

// Connections are given back, whatever becomes of a call.
const SOCKETS_MAX = 16;
let server: RogueServer;
let store: S3ObjectStore;
let object: RogueObject;

beforeEach(async () => {
  server = await RogueServer.start();
  store = server.store({ socketsMax: SOCKETS_MAX, connectTimeoutMs: 1000, idleTimeoutMs: 5000 });
  object = server.hold("a", new SeededRandom(10).bytes(50_000));
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

it("completes 200 parallel reads after 500 that were aborted behind the headers", async () => {
  const aborted: Promise<unknown>[] = [];
  const controllers = new Map<string, AbortController>();
  server.misbehave = ({ headers }, res) => {
    res.writeHead(206, { etag: object.etag, "content-length": "50000", "content-range": "bytes 0-49999/50000" });
    res.write(object.body.subarray(0, 100), () => controllers.get(headers["if-match"] ?? "")?.abort());
    return true;
  };
  for (let i = 0; i < 500; i += 1) {
    const controller = new AbortController();
    const ifMatch = `"read ${i}"`;
    controllers.set(ifMatch, controller);
    const etag = ifMatch as ETag;
    // The tag names the read to the server. It is not the object's either, so where the abort comes late the read is refused.
    aborted.push(store.get("a", { range: { start: 0, end: 50_000 }, ifMatch: etag, signal: controller.signal }));
  }
  const outcomes = await Promise.allSettled(aborted);
  expect(outcomes.filter((o) => o.status === "fulfilled")).toEqual([]);
  server.misbehave = () => false;
  const reads = await Promise.all(Array.from({ length: 200 }, () => store.get("a")));
  for (const { body } of reads) expect(Buffer.compare(body, object.body)).toBe(0);
  expect(server.sockets.size).toBeLessThanOrEqual(SOCKETS_MAX);
  const baseline = server.sockets.size;
  for (let i = 0; i < 20; i += 1) await store.get("a");
  expect(server.sockets.size).toBe(baseline);
  await store.close();
  await expect.poll(() => server.sockets.size).toBe(0);
});

it("gives connections back after refusals, errors and broken replies", async () => {
  server.misbehave = ({ number }, res) => {
    if (number % 3 === 0) sendError(res, 503, "SlowDown");
    else if (number % 3 === 1) sendPart(res, object, 0, 100, true, { "content-range": "bytes 5-104/50000" });
    else sendPart(res, object, 0, 100, true, { "content-encoding": "gzip" });
    return true;
  };
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => store.get("a", { range: { start: 0, end: 100 } })));
  expect(outcomes.filter((o) => o.status === "fulfilled")).toEqual([]);
  server.misbehave = () => false;
  await Promise.all(Array.from({ length: 50 }, () => store.get("a")));
  expect(server.sockets.size).toBeLessThanOrEqual(SOCKETS_MAX);
});

it("lets calls wait for a connection for longer than making one may take", async () => {
  server.misbehave = async () => {
    await new Promise((resolve) => setTimeout(resolve, 400)); // A slow server: five rounds of it take twice the deadline.
    return false;
  };
  const reads = await Promise.all(Array.from({ length: 5 * SOCKETS_MAX }, () => store.get("a", { range: { start: 0, end: 10 } })));
  expect(reads).toHaveLength(5 * SOCKETS_MAX);
});

it("lets a call that waits for a connection be aborted", async () => {
  server.misbehave = () => true;
  const stuck = Array.from({ length: SOCKETS_MAX }, () => store.get("a"));
  await expect.poll(() => server.requests.length).toBe(SOCKETS_MAX);
  const controller = new AbortController();
  const waiting = store.get("a", { signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  await store.close();
  for (const outcome of await Promise.allSettled(stuck)) expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } });
  expect(server.requests).toHaveLength(SOCKETS_MAX);
});

it("lets a call be aborted whose credentials never come", async () => {
  const waiting = server.store({ credentials: () => new Promise(() => {}) });
  const controller = new AbortController();
  const reading = waiting.get("a", { signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(reading).rejects.toMatchObject({ code: "ABORTED" });
  await waiting.close();
  expect(server.requests).toHaveLength(0);
});
