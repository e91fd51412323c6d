import { ManualRuntime } from "@headwater/core/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Credentials, RetryingObjectStore } from "../src/index.js";
import type { S3ObjectStore } from "../src/s3.js";
import { RogueServer, sendError } from "./support/rogue-server.js";

// Credentials that expire.
const LIFETIME_MS = 2000;
let server: RogueServer;
let runtime: ManualRuntime;
let issued: number;
const stores: S3ObjectStore[] = [];

beforeEach(async () => {
  server = await RogueServer.start();
  runtime = new ManualRuntime();
  issued = 0;
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await server.stop();
});

/** Gives keys that the server takes until the next ones are issued or `LIFETIME_MS` have passed. */
async function issue(): Promise<Credentials> {
  issued += 1;
  const credentials = { accessKeyId: `key-${issued}`, secretAccessKey: `secret-${issued}`, sessionToken: `token-${issued}` };
  const expiresAtMs = runtime.clock.nowMs() + LIFETIME_MS;
  server.keys.set(credentials.accessKeyId, credentials.secretAccessKey);
  server.misbehave = ({ headers }, res) => {
    const isGood = headers["x-amz-security-token"] === credentials.sessionToken && runtime.clock.nowMs() < expiresAtMs;
    if (!isGood) sendError(res, 400, "ExpiredToken");
    return !isGood;
  };
  return { ...credentials, expiration: new Date(expiresAtMs) };
}

function open(credentials: Credentials | (() => Promise<Credentials>)): S3ObjectStore {
  const store = server.store({ credentials, runtime });
  stores.push(store);
  return store;
}

it("are asked for anew ahead of their expiration, once for all calls", async () => {
  const store = open(issue);
  for (let i = 0; i < 20; i += 1) {
    await Promise.all(Array.from({ length: 5 }, (_, j) => store.put(`${i}/${j}`, Uint8Array.of(i))));
    await runtime.advance(LIFETIME_MS / 4);
  }
  expect(server.objects.size).toBe(100);
  // A call never meets a refusal, and keys are used for half of their time.
  expect(server.requests).toHaveLength(100);
  expect(issued).toBe(10);
});

it("are asked for anew when the store refuses them before their time", async () => {
  const store = new RetryingObjectStore(
    open(async () => ({ ...(await issue()), expiration: new Date(runtime.clock.nowMs() + 3_600_000) })),
    {
      runtime,
    },
  );
  await store.put("a", Uint8Array.of(1));
  await runtime.advance(LIFETIME_MS);
  const put = store.put("b", Uint8Array.of(2));
  await expect.poll(() => runtime.sleeping).toBe(1);
  await runtime.advance(100);
  await put;
  expect(issued).toBe(2);
  expect(server.objects.size).toBe(2);
});

it("that nobody refreshes end in a typed error that names no key", async () => {
  const fixed = await issue();
  const store = open(fixed);
  await store.put("a", Uint8Array.of(1));
  await runtime.advance(LIFETIME_MS);
  const error: unknown = await store.put("b", Uint8Array.of(2)).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "STORE_DENIED", retryable: false });
  expect(server.objects.size).toBe(1);
});

it("that are still good are used when the provider fails, and no longer", async () => {
  let isDown = false;
  const store = open(async () => {
    if (isDown) throw new Error("no more secret-1");
    return issue();
  });
  await store.put("a", Uint8Array.of(1));
  isDown = true;
  await runtime.advance(LIFETIME_MS * 0.75);
  await store.put("b", Uint8Array.of(2));
  await runtime.advance(LIFETIME_MS);
  const error: unknown = await store.put("c", Uint8Array.of(3)).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "STORE_DENIED", retryable: true });
  expect(String(error)).not.toContain("secret");
  isDown = false;
  await store.put("c", Uint8Array.of(3));
  expect(server.objects.size).toBe(3);
});

it.each([undefined, null, {}, { accessKeyId: "x" }, { accessKeyId: 1, secretAccessKey: 2 }])(
  "of the wrong shape (%j) are a typed error",
  async (value) => {
    const store = open(async () => value as unknown as Credentials);
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(server.requests).toHaveLength(0);
  },
);

it("sign with the server's time once it has been told", async () => {
  server.hold("a", Uint8Array.of(1));
  server.skewMs = 3_600_000;
  const store = server.store();
  stores.push(store);
  await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  const { dateMs } = await store.get("a");
  expect(Math.abs(dateMs - Date.now() - server.skewMs)).toBeLessThan(60_000);
});
