import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ETag } from "../src/index.js";
import { type RogueRequest, RogueServer, sendError } from "./support/rogue-server.js";

let server: RogueServer;
beforeEach(async () => {
  server = await RogueServer.start();
});
afterEach(() => server.stop());

const body = (n: number): Uint8Array => Uint8Array.of(n, n, n);
/** What was sent, in order: the method, and what stood in If-Match. */
const sent = (): string[] => server.requests.map(({ method, headers }) => [method, headers["if-match"]].filter(Boolean).join(" "));

/** Matches only tags without quotes, as Ceph RGW does. */
function wantBareTags(): void {
  server.misbehave = ({ method, key, headers }: RogueRequest, res) => {
    const wanted = headers["if-match"];
    if (method !== "PUT" || wanted === undefined) return false;
    const object = server.objects.get(key);
    if (`"${wanted}"` !== object?.etag) {
      sendError(res, 412, "PreconditionFailed");
      return true;
    }
    res.writeHead(200, { etag: server.hold(key, Uint8Array.of(9)).etag }).end();
    return true;
  };
}

describe("a server that wants bare tags in If-Match", () => {
  it("is not held for one because of a swap that was rightly refused", async () => {
    const store = server.store();
    wantBareTags();
    const { etag } = server.hold("k", body(1));
    server.hold("k", body(2));
    await expect(store.put("k", body(3), { precondition: { ifMatch: etag as ETag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    expect(sent()).toEqual([`PUT ${etag}`, "HEAD"]);
    await expect(store.put("gone", body(3), { precondition: { ifMatch: etag as ETag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    const now = server.objects.get("k")?.etag as ETag;
    await store.put("k", body(4), { precondition: { ifMatch: now } });
    await store.close();
  });

  it("is ruled out by a swap that was done with quotes: later refusals cost nothing", async () => {
    const store = server.store();
    const { etag } = server.hold("k", body(1));
    await store.put("k", body(2), { precondition: { ifMatch: etag as ETag } });
    await expect(store.put("k", body(3), { precondition: { ifMatch: etag as ETag } })).rejects.toMatchObject({
      code: "STORE_PRECONDITION",
    });
    expect(sent()).toEqual([`PUT ${etag}`, `PUT ${etag}`]);
    await store.close();
  });
});

describe("a conditional put", () => {
  const answers: [number, string, string][] = [
    [412, "PreconditionFailed", "STORE_PRECONDITION"],
    [409, "ConditionalRequestConflict", "STORE_CONFLICT"],
    [404, "NoSuchKey", "STORE_PRECONDITION"],
    [500, "UnknownError", "STORE_UNAVAILABLE"],
    [503, "SlowDown", "STORE_UNAVAILABLE"],
    [501, "NotImplemented", "STORE_UNSAFE"],
    [403, "AccessDenied", "STORE_DENIED"],
    [400, "InvalidRequest", "STORE_DENIED"],
    [404, "NoSuchBucket", "STORE_NO_BUCKET"],
  ];
  it.each(answers)("that is answered %d %s fails with %s, and is sent once", async (status, name, code) => {
    const store = server.store({ bareEtags: false });
    server.misbehave = (_request, res) => {
      sendError(res, status, name);
      return true;
    };
    await expect(store.put("k", body(1), { precondition: { ifMatch: '"x"' as ETag } })).rejects.toMatchObject({ code });
    expect(server.requests).toHaveLength(1);
    await store.close();
  });

  it.each([{ ifNoneMatch: "*" as const }, { ifMatch: '"x"' as ETag }])(
    "whose reply is lost fails with STORE_UNAVAILABLE: %j",
    async (precondition) => {
      const store = server.store();
      server.misbehave = ({ req, key, body: bytes }) => {
        server.hold(key, bytes);
        req.socket.resetAndDestroy();
        return true;
      };
      await expect(store.put("k", body(1), { precondition })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
      expect(server.requests).toHaveLength(1);
      expect(server.objects.get("k")?.body).toEqual(body(1));
      await store.close();
    },
  );
});

describe("server-side encryption", () => {
  it("names the KMS key on puts", async () => {
    const store = server.store({ sse: { kmsKeyId: "arn:aws:kms:eu-west-1:1:key/2" } });
    await store.put("k", body(1));
    expect(server.requests[0]?.headers).toMatchObject({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-west-1:1:key/2",
    });
    await store.close();
  });

  it("gives the customer's key with every put, get and head, and never in a message", async () => {
    const customerKey = Buffer.alloc(32, 7).toString("base64");
    const store = server.store({ sse: { customerKey } });
    await store.put("k", body(1));
    await store.get("k", { range: { suffix: 1 } });
    await store.head("k");
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": customerKey,
        "x-amz-server-side-encryption-customer-key-md5": expect.stringMatching(/^[\w+/]{22}==$/),
      });
    }
    const error: unknown = await store.get("missing").catch((thrown: unknown) => thrown);
    expect(JSON.stringify([String(error), (error as Error).cause, (error as Error).stack])).not.toContain(customerKey);
    await store.close();
  });
});
