import { inspect } from "node:util";
import { HeadwaterError } from "@headwater/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { S3ObjectStore } from "../src/s3.js";
import { ACCESS_KEY, BUCKET, RogueServer, SECRET_KEY, sendError } from "./support/rogue-server.js";

let server: RogueServer;
let store: S3ObjectStore;

beforeEach(async () => {
  server = await RogueServer.start();
  store = server.store({ idleTimeoutMs: 1000 });
});
afterEach(async () => {
  await store.close();
  await server.stop();
});

const CALLS: Record<string, (s: S3ObjectStore) => Promise<unknown>> = {
  get: (s) => s.get("some/key"),
  head: (s) => s.head("some/key"),
  put: (s) => s.put("some/key", Uint8Array.of(1), { precondition: { ifNoneMatch: "*" } }),
  delete: (s) => s.delete("some/key"),
  list: (s) => s.list("some/").next(),
};

async function failureOf(call: Promise<unknown>): Promise<HeadwaterError> {
  const error: unknown = await call.then(
    () => "no error",
    (e: unknown) => e,
  );
  expect(HeadwaterError.is(error) ? "" : error).toBe("");
  return error as HeadwaterError;
}

/** Nothing of the request's secrets, nor the SDK's own error with its request and response. */
function expectNoSecrets(error: HeadwaterError): void {
  const all = inspect(error, { depth: 10, showHidden: true }) + String(error.stack) + JSON.stringify(error);
  expect(all).not.toMatch(/Signature=|Credential=|X-Amz-|authorization|\$metadata|\$response/i);
  expect(all).not.toContain(SECRET_KEY);
  expect(all).not.toContain(ACCESS_KEY);
  if (error.cause === undefined) return;
  expect(error.cause).toBeInstanceOf(Error);
  expect(Object.keys(error.cause as Error).filter((name) => !["name", "status", "requestId"].includes(name))).toEqual([]);
}

describe("maps what the server says", () => {
  const cases: [number, string, string, boolean][] = [
    [301, "PermanentRedirect", "STORE_NO_BUCKET", false],
    [400, "RequestTimeout", "STORE_UNAVAILABLE", true],
    [400, "InvalidArgument", "STORE_DENIED", false],
    [401, "Unauthorized", "STORE_DENIED", false],
    [403, "AccessDenied", "STORE_DENIED", false],
    [403, "SignatureDoesNotMatch", "STORE_DENIED", false],
    [403, "RequestTimeTooSkewed", "STORE_UNAVAILABLE", true],
    [404, "NoSuchBucket", "STORE_NO_BUCKET", false],
    [408, "RequestTimeout", "STORE_UNAVAILABLE", true],
    [409, "ConditionalRequestConflict", "STORE_CONFLICT", true],
    [412, "PreconditionFailed", "STORE_PRECONDITION", false],
    [416, "InvalidRange", "OUT_OF_RANGE", false],
    [429, "TooManyRequests", "STORE_UNAVAILABLE", true],
    [500, "InternalError", "STORE_UNAVAILABLE", true],
    [500, "UnknownError", "STORE_UNAVAILABLE", true],
    [501, "NotImplemented", "STORE_UNSAFE", false],
    [502, "", "STORE_UNAVAILABLE", true],
    [503, "SlowDown", "STORE_UNAVAILABLE", true],
    [504, "GatewayTimeout", "STORE_UNAVAILABLE", true],
  ];
  it.each(cases)("%d %s: %s", async (status, name, code, retryable) => {
    server.misbehave = (_request, res) => {
      sendError(res, status, name, `AWSAccessKeyId=${ACCESS_KEY}`);
      return true;
    };
    const put = await failureOf(store.put("some/key", Uint8Array.of(1)));
    expect(put).toMatchObject({ code, retryable });
    expect(put.message).toContain("key=some/key");
    expect(put.message).toContain(`store=${store.description}`);
    expect(put.message).toContain(`status=${status}`);
    expectNoSecrets(put);
    expect(put.cause).toMatchObject({ status, requestId: "request-1" });
    expect(server.requests).toHaveLength(1);
  });

  it("404 by what was asked for", async () => {
    for (const name of ["get", "head"]) expect(await failureOf(CALLS[name]?.(store) ?? fail())).toMatchObject({ code: "STORE_NOT_FOUND" });
    await store.delete("some/key");
    const elsewhere = server.store({ bucket: "other" });
    for (const name of ["get", "put", "list", "delete"]) {
      expect(await failureOf(CALLS[name]?.(elsewhere) ?? fail())).toMatchObject({ code: "STORE_NO_BUCKET" });
    }
    await elsewhere.close();
  });

  it.each(Object.keys(CALLS))("500 with a page of HTML, to %s", async (name) => {
    server.misbehave = (_request, res) => {
      res.writeHead(500, { "content-type": "text/html" }).end(`<html><body>${SECRET_KEY}</body></html>`);
      return true;
    };
    const error = await failureOf(CALLS[name]?.(store) ?? fail());
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expectNoSecrets(error);
  });

  it.each(Object.keys(CALLS))("a connection that breaks, to %s", async (name) => {
    server.misbehave = (_request, res) => {
      res.socket?.resetAndDestroy();
      return true;
    };
    const error = await failureOf(CALLS[name]?.(store) ?? fail());
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expectNoSecrets(error);
    expect(server.requests).toHaveLength(1);
  });
});

it("a server that is not there is unavailable", async () => {
  const gone = await RogueServer.start();
  const orphan = gone.store();
  await gone.stop();
  for (const call of Object.values(CALLS)) {
    const error = await failureOf(call(orphan));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(error.message).toContain("ECONNREFUSED");
    expectNoSecrets(error);
  }
  await orphan.close();
});

it("keys that the server does not know are denied, and not told", async () => {
  const stranger = server.store({ credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: `${SECRET_KEY}-wrong` } });
  for (const call of Object.values(CALLS)) {
    const error = await failureOf(call(stranger));
    expect(error).toMatchObject({ code: "STORE_DENIED" });
    expectNoSecrets(error);
  }
  await stranger.close();
});

it("what a server writes into names and ids of errors is cut and cleaned", async () => {
  server.misbehave = (_request, res) => {
    res.setHeader("x-amz-request-id", `a\t"b" ${"c".repeat(500)}`);
    sendError(res, 400, `Odd &lt;b&gt; ${"x".repeat(5000)}`);
    return true;
  };
  const error = await failureOf(store.get("some/key"));
  expect(error.message.length).toBeLessThan(500);
  expect(error.message).not.toMatch(/[<>"\t\n]/);
});

it("calls after close fail with CLOSED, aborted ones with ABORTED, and neither is sent", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(store.get("a", { signal })).rejects.toMatchObject({ code: "ABORTED" });
  await store.close();
  await store.close();
  for (const call of Object.values(CALLS)) expect(await failureOf(call(store))).toMatchObject({ code: "CLOSED" });
  expect(server.requests).toHaveLength(0);
});

describe("If-Match on a put", () => {
  /** Takes tags only in one form, as RGW takes them only without quotes. */
  const wants = (form: "bare" | "quoted"): void => {
    server.misbehave = ({ method, headers }, res) => {
      const tag = headers["if-match"];
      if (method !== "PUT" || tag === undefined) return false;
      const isRight = tag.startsWith('"') === (form === "quoted") && server.objects.get("lock")?.etag.includes(tag) === true;
      if (isRight) res.writeHead(200, { etag: server.hold("lock", new Uint8Array(Number(server.requests.length))).etag }).end();
      else sendError(res, 412, "PreconditionFailed");
      return true;
    };
  };
  const tags = (): (string | undefined)[] => server.requests.filter((r) => r.method === "PUT").map((r) => r.headers["if-match"]);

  it("finds out that the server wants bare tags, once", async () => {
    wants("bare");
    let { etag } = await store.put("lock", Uint8Array.of(1));
    for (let i = 0; i < 3; i += 1) ({ etag } = await store.put("lock", Uint8Array.of(i), { precondition: { ifMatch: etag } }));
    expect(tags().map((tag) => tag?.startsWith('"'))).toEqual([undefined, true, false, false, false]);
    expect(server.count("HEAD")).toBe(1);
    await expect(store.put("lock", Uint8Array.of(9), { precondition: { ifMatch: '"other"' as typeof etag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    expect(server.count("HEAD")).toBe(1);
  });

  it("does not try again where the object is another one", async () => {
    wants("quoted");
    const { etag } = await store.put("lock", Uint8Array.of(1));
    await store.put("lock", Uint8Array.of(2), { precondition: { ifMatch: etag } });
    const fresh = server.store();
    await expect(fresh.put("lock", Uint8Array.of(3), { precondition: { ifMatch: etag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    await fresh.close();
    expect(tags().every((tag) => tag === undefined || tag.startsWith('"'))).toBe(true);
  });

  it.each([true, false])("is sent as bareEtags: %s says", async (bareEtags) => {
    wants(bareEtags ? "quoted" : "bare");
    const fixed = server.store({ bareEtags });
    const { etag } = await fixed.put("lock", Uint8Array.of(1));
    await expect(fixed.put("lock", Uint8Array.of(2), { precondition: { ifMatch: etag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    await fixed.close();
    expect(tags().at(-1)?.startsWith('"')).toBe(!bareEtags);
    expect(server.count("HEAD")).toBe(0);
  });

  it("on a key that is free is a lost precondition, also where the server says 404", async () => {
    server.misbehave = (_request, res) => {
      sendError(res, 404, "NoSuchKey");
      return true;
    };
    const ifMatch = '"gone"' as Awaited<ReturnType<typeof store.put>>["etag"];
    await expect(store.put("lock", Uint8Array.of(1), { precondition: { ifMatch } })).rejects.toMatchObject({ code: "STORE_PRECONDITION" });
  });
});

it("names of user metadata come back in lower case", async () => {
  server.hold("a", Uint8Array.of(1));
  server.misbehave = (_request, res) => {
    res.writeHead(200, { etag: '"x"', "content-length": 1, "X-Amz-Meta-Litestream-Timestamp": "2026" }).end(Uint8Array.of(1));
    return true;
  };
  expect((await store.get("a")).metadata).toEqual({ "litestream-timestamp": "2026" });
});

it.each([
  { bucket: "" },
  { bucket: "a/b" },
  { bukket: "x" },
  { endpoint: "ftp://x" },
  { socketsMax: 0 },
  { credentials: { accessKeyId: "x" } },
])("refuses the options %j", (options) => {
  expect(() => new S3ObjectStore({ bucket: BUCKET, ...options } as never)).toThrow(TypeError);
});

function fail(): never {
  throw new Error("no such call");
}
