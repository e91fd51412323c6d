import { HeadwaterError } from "@headwater/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RogueServer } from "./support/rogue-server.js";

let server: RogueServer;
beforeEach(async () => {
  server = await RogueServer.start();
});
afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
});

const put = { precondition: { ifNoneMatch: "*" } } as const;
const body = Uint8Array.of(1);
const HOUR_MS = 3_600_000;
/** By the clock of this machine, how far off the time is with which a request was signed. */
const signedOffMs = (n: number): number => {
  const stamp = String(server.requests[n]?.headers["x-amz-date"]);
  return Date.parse(stamp.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5")) - Date.now();
};
const SLACK_MS = 30_000;

describe.each([HOUR_MS, -HOUR_MS])("a server's clock that is %d ms off", (skewMs) => {
  it("costs one refused request, and each one after it is signed with the server's time", async () => {
    server.skewMs = skewMs;
    const store = server.store();
    await expect(store.put("a", body, put)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(server.objects.size).toBe(0);
    const before = Date.now();
    await store.put("a", body, put);
    const { dateMs } = await store.put("b", body, put);
    expect(Math.abs(signedOffMs(1) - skewMs)).toBeLessThan(SLACK_MS);
    expect(Math.abs(dateMs - before - skewMs)).toBeLessThan(SLACK_MS);
    await store.close();
  });
});

it("signs with the server's time also where it is off by less than a server would mind", async () => {
  server.skewMs = 200_000;
  const store = server.store();
  await store.put("a", body, put);
  await store.put("b", body, put);
  expect(Math.abs(signedOffMs(1) - server.skewMs)).toBeLessThan(SLACK_MS);
  await store.close();
});

it("goes on after the wall clock was set back by an hour: what has elapsed is then told by the other clock", async () => {
  const store = server.store();
  await store.put("a", body, put);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - HOUR_MS });
  server.skewMs = HOUR_MS;
  await store.put("b", body, put);
  expect([...server.objects.keys()]).toEqual(["a", "b"]);
  await store.close();
});

it("looks once more when the request is signed, and sends nothing if that throws", async () => {
  const store = server.store();
  const stop = new HeadwaterError("TIMEOUT", "too late");
  const beforeSend = (): void => {
    throw stop;
  };
  await expect(store.put("a", body, { ...put, beforeSend })).rejects.toBe(stop);
  expect(server.requests).toEqual([]);
  await store.put("a", body, { ...put, beforeSend: () => expect(server.requests).toEqual([]) });
  expect(server.requests).toHaveLength(1);
  await store.close();
});
