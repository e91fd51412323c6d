import { SeededRandom } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ETag } from "../src/index.js";
import type { S3ObjectStore } from "../src/s3.js";
import { extentOf, type RogueRequest, RogueServer, sendError, sendPart } from "./support/rogue-server.js";

// Servers and proxies that answer otherwise than asked.
let server: RogueServer;
let store: S3ObjectStore;

beforeEach(async () => {
  server = await RogueServer.start();
  store = server.store();
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

const bytes = (length: number): Uint8Array => new SeededRandom(length).bytes(length);
const isRanged = ({ method, headers }: RogueRequest): boolean => method === "GET" && headers["range"] !== undefined;

describe("a reply to a range", () => {
  const range = { start: 100, end: 200 };

  it("is believed when it is right", async () => {
    const { body, etag } = server.hold("a", bytes(1000));
    expect(await store.get("a", { range })).toMatchObject({ body: body.slice(100, 200), start: 100, size: 1000, etag });
    expect(await store.get("a", { range: { suffix: 30 } })).toMatchObject({ body: body.slice(970), start: 970 });
  });

  it("with status 200 is cut out of the whole object", async () => {
    const object = server.hold("a", bytes(1000));
    server.misbehave = (_request, res) => {
      sendPart(res, object, 0, 1000, false);
      return true;
    };
    expect(await store.get("a", { range })).toMatchObject({ body: object.body.slice(100, 200), start: 100, size: 1000 });
    expect(await store.get("a", { range: { suffix: 10 } })).toMatchObject({ body: object.body.slice(990), start: 990 });
    await expect(store.get("a", { range: { start: 1000, end: 1001 } })).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
  });

  it("with status 200 and a large object is refused, unread", async () => {
    const { etag } = server.hold("a", bytes(10));
    const size = 10 * 1024 ** 3;
    server.misbehave = (_request, res) => {
      res.writeHead(200, { etag, "content-length": String(size) });
      res.write(new Uint8Array(1000));
      return true;
    };
    await expect(store.get("a", { range: { suffix: 100 } })).rejects.toMatchObject({ code: "STORE_UNSAFE", retryable: false });
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  const wrong: [string, Record<string, string>][] = [
    ["another first byte", { "content-range": "bytes 0-99/1000" }],
    ["another last byte", { "content-range": "bytes 100-198/1000" }],
    ["no size", { "content-range": "bytes 100-199/*" }],
    ["an absurd size", { "content-range": "bytes 100-199/99999999999999999999" }],
    ["a size that is too small for it", { "content-range": "bytes 100-199/150" }],
    ["nonsense", { "content-range": "pages 1-2" }],
    ["another length", { "content-length": "99" }],
    ["compression", { "content-encoding": "gzip" }],
    ["no ETag", { etag: "" }],
  ];
  it.each(wrong)("with %s is refused", async (_what, headers) => {
    const object = server.hold("a", bytes(1000));
    server.misbehave = (request, res) => {
      if (!isRanged(request)) return false;
      const length = Number(headers["content-length"] ?? 100);
      sendPart(res, object, 100, 100 + length, true, headers);
      return true;
    };
    await expect(store.get("a", { range })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("for another version than the one asked for is refused, even where the server ignores If-Match", async () => {
    const object = server.hold("a", bytes(1000));
    server.misbehave = (_request, res) => {
      sendPart(res, object, 100, 200, true);
      return true;
    };
    await expect(store.get("a", { range, ifMatch: '"other"' as ETag })).rejects.toMatchObject({ code: "STORE_PRECONDITION" });
  });
});

describe("a put", () => {
  /** What older servers answer to what newer SDKs send by themselves. */
  const rejectsExtras = (request: RogueRequest): string | undefined => {
    const { headers } = request;
    if (/aws-chunked/.test(headers["content-encoding"] ?? "") || headers["transfer-encoding"] !== undefined) return "chunked";
    if (/^STREAMING-/.test(headers["x-amz-content-sha256"] ?? "")) return "streaming signature";
    return Object.keys(headers).find((name) => /^x-amz-(checksum-|sdk-checksum|trailer)|^expect$/.test(name));
  };

  it.each([0, 1024, 20 * 1024 * 1024])("of %d bytes has no chunked body, trailer or checksum header", async (length) => {
    const extras: string[] = [];
    server.misbehave = (request, res) => {
      const extra = rejectsExtras(request);
      if (extra === undefined) return false;
      extras.push(extra);
      sendError(res, 501, "NotImplemented");
      return true;
    };
    const body = bytes(length);
    const { etag } = await store.put("a/b", body, { precondition: { ifNoneMatch: "*" }, metadata: { "some-name": "x" } });
    expect(extras).toEqual([]);
    expect(server.objects.get("a/b")).toMatchObject({ etag });
    expect(Buffer.compare(server.objects.get("a/b")?.body ?? new Uint8Array(1), body)).toBe(0);
    await store.delete("a/b");
    expect(server.objects.size).toBe(0);
  });

  it("and a get verify behind a proxy that rewrites Accept-Encoding and adds headers", async () => {
    server.rewrite = (headers) => {
      headers["accept-encoding"] = "gzip, br";
      headers["user-agent"] = "proxy";
      headers["x-forwarded-for"] = "10.0.0.1";
      headers["connection"] = "close";
    };
    const { etag } = await store.put("odd key (1)+é&=", bytes(700_000));
    expect(await store.get("odd key (1)+é&=", { range: { start: 5, end: 9 } })).toMatchObject({ etag, start: 5 });
    expect(await store.head("odd key (1)+é&=")).toMatchObject({ etag, size: 700_000 });
  });
});

it("the double of the server itself answers ranges as it should", () => {
  expect(extentOf("bytes=2-4", 10)).toEqual({ start: 2, end: 5 });
  expect(extentOf("bytes=-4", 10)).toEqual({ start: 6, end: 10 });
  expect(extentOf("bytes=10-12", 10)).toBeUndefined();
});
