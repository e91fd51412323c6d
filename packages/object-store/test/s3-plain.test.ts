import { readFileSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { systemRuntime } from "@headwater/core/node";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SdkClient } from "../src/s3/client.js";
import { PlainReads } from "../src/s3/plain-reads.js";
import { emptyReply, RecordingHandler } from "../src/s3/recording-handler.js";
import type { ReadRequests } from "../src/s3/requests.js";
import { type S3Settings, settingsOf } from "../src/s3/settings.js";
import type { S3StoreOptions } from "../src/s3.js";

const runs = { numRuns: 200 * Number(process.env["HEADWATER_ROUNDS"] ?? 1), seed: new SeededRandom(testSeed("s3-plain")).nextU32() | 0 };
const CREDENTIALS = { accessKeyId: "an-id", secretAccessKey: "a-secret", sessionToken: "a-token" };
const EMPTY_LISTING = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_JS)/.test(name)) vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent/config");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
});
afterEach(() => vi.unstubAllEnvs());

interface Sent {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Keeps what it is given to send, and answers as a server that has nothing. */
class CapturingHandler extends RecordingHandler {
  sent: Sent | undefined;

  override async handle(...[request, options]: Parameters<RecordingHandler["handle"]>): ReturnType<RecordingHandler["handle"]> {
    const { protocol, hostname, port, path: requestPath, query, headers } = request;
    this.sent = { protocol, hostname, port: port ?? undefined, path: requestPath, query, headers };
    const response = { statusCode: 200, headers: {}, body: Readable.from([Buffer.from(EMPTY_LISTING)]) };
    Object.assign((options as { reply?: object } | undefined)?.reply ?? {}, { status: 200, headers: {}, body: response.body });
    return { response } as Awaited<ReturnType<RecordingHandler["handle"]>>;
  }
}

const impossible = (): Promise<ReadRequests> => Promise.reject(new Error("the SDK should not be needed"));

function settings(options: Partial<S3StoreOptions>): S3Settings & { readonly handler: CapturingHandler } {
  const made = settingsOf({ bucket: "a-bucket", credentials: CREDENTIALS, ...options }, systemRuntime, () => 0);
  made.handler.destroy();
  return { ...made, handler: new CapturingHandler() };
}

/** Where a request goes and what it asks for. The SDK adds the operation's name, which no server needs. */
async function sent(
  requests: (s: S3Settings) => ReadRequests | undefined,
  options: Partial<S3StoreOptions>,
  key: string,
): Promise<object[]> {
  const made = settings(options);
  const by = requests(made);
  if (by === undefined) throw new Error("left to the SDK");
  const essence = (): object => {
    const { headers, query, ...where } = made.handler.sent as Sent;
    const { "x-id": _, ...rest } = query;
    const { host, range, "if-match": ifMatch } = headers;
    const token = headers["x-amz-security-token"];
    const scope = /Credential=[^/]+\/\d+\/([^,]+),/.exec(headers["authorization"] ?? "")?.[1];
    return { ...where, query: rest, host, range, ifMatch, token, scope };
  };
  await by.get({ key, range: "bytes=3-9", ifMatch: '"e"' }, { reply: emptyReply() });
  const get = essence();
  await by.list({ prefix: key, maxKeys: 7, startAfter: `${key}a`, token: "t/+=" }, { reply: emptyReply() });
  return [get, essence()];
}

const plainly = (s: S3Settings): ReadRequests | undefined => PlainReads.create(s, impossible);
const bySdk = (s: S3Settings): ReadRequests => new SdkClient(s);

describe("plain reads", () => {
  const places: Partial<S3StoreOptions>[] = [
    { endpoint: "http://127.0.0.1:9000" },
    { endpoint: "https://storage.example.com", region: "auto" },
    { endpoint: "https://storage.example.com:8443/below/", region: "auto" },
    { endpoint: "https://storage.example.com", region: "auto", forcePathStyle: false },
    { endpoint: "https://storage.example.com/below", region: "auto", forcePathStyle: false },
    { endpoint: "http://localhost:9000", forcePathStyle: false },
    { endpoint: "http://127.0.0.1:9000", bucket: "a.bucket_With.Everything" },
    ...["us-east-1", "eu-central-1", "ap-southeast-2", "mx-central-1"].map((region) => ({ region })),
    { region: "eu-west-1", forcePathStyle: true },
  ];

  it.each(places)("go where the SDK's go: %j", async (options) => {
    expect(await sent(plainly, options, "app/0009/0-1.ltx")).toEqual(await sent(bySdk, options, "app/0009/0-1.ltx"));
  });

  it("escape keys as the SDK does", async () => {
    const keys = fc.string({ unit: fc.constantFrom(..."aZ09/-_.~ !*'()+%&=?#@:;,$|\\\"<>[]{}^`é中😀"), minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(keys, async (key) => {
        const options = { endpoint: "http://127.0.0.1:9000" };
        expect(await sent(plainly, options, key)).toEqual(await sent(bySdk, options, key));
      }),
      runs,
    );
  });

  const left: [string, Partial<S3StoreOptions>, Record<string, string>][] = [
    ["a directory bucket", { region: "us-east-1", bucket: "b--use1-az4--x-s3" }, {}],
    ["a bucket with dots on AWS", { region: "us-east-1", bucket: "a.b" }, {}],
    ["another partition", { region: "cn-north-1" }, {}],
    ["a region that only a file may name", {}, {}],
    ["an endpoint from the environment", { region: "us-east-1" }, { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" }],
    ["dual-stack endpoints", { region: "us-east-1" }, { AWS_USE_DUALSTACK_ENDPOINT: "true" }],
    ["a configuration file", { region: "us-east-1" }, { AWS_CONFIG_FILE: import.meta.filename }],
    ["a key of the customer's own", { endpoint: "https://a.example", sse: { customerKey: `${"A".repeat(43)}=` } }, {}],
    ["an IPv6 address", { endpoint: "http://[::1]:9000" }, {}],
  ];

  it.each(left)("leave to the SDK: %s", (_, options, environment) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    expect(plainly(settings(options))).toBeUndefined();
  });

  it("take credentials from the environment, and leave profiles to the SDK", async () => {
    const { credentials: _, ...anonymous } = settings({ endpoint: "http://127.0.0.1:9000" });
    const without = { ...anonymous, credentials: undefined };
    expect(plainly(without)).toBeUndefined();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "from-the-environment");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "a-secret");
    await plainly(without)?.list({ prefix: "" }, { reply: emptyReply() });
    expect(without.handler.sent?.headers["authorization"]).toContain("Credential=from-the-environment/");
    vi.stubEnv("AWS_PROFILE", "somebody");
    expect(plainly(without)).toBeUndefined();
  });

  it("ask the SDK for a listing that takes a real XML parser", async () => {
    const made = settings({ endpoint: "http://127.0.0.1:9000" });
    const answer = { contents: [], isTruncated: true, nextToken: "by the SDK" };
    const full = { list: async () => answer, get: impossible } as unknown as ReadRequests;
    const reads = PlainReads.create(made, async () => full);
    vi.spyOn(made.handler, "handle").mockImplementation(async (_request, options) => {
      const body = Readable.from([Buffer.from(EMPTY_LISTING.replace("<IsTruncated>", "<!-- odd --><IsTruncated>"))]);
      Object.assign((options as unknown as { reply: object }).reply, { status: 200, headers: {}, body });
      return { response: {} } as Awaited<ReturnType<RecordingHandler["handle"]>>;
    });
    expect(await reads?.list({ prefix: "" }, { reply: emptyReply() })).toBe(answer);
  });

  it("load nothing of the SDK's client", () => {
    const dist = path.resolve(import.meta.dirname, "../dist");
    const seen = new Set<string>();
    const outside = new Set<string>();
    const follow = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, from] of readFileSync(path.join(dist, file), "utf8").matchAll(/^(?:import|export)\b[^;]*?["']([^"']+)["'];$/gm)) {
        if (from === undefined) continue;
        if (from.startsWith("./")) follow(from);
        else outside.add(from);
      }
    };
    follow("s3.js");
    expect([...outside].filter((name) => name.startsWith("@"))).toEqual(
      expect.arrayContaining(["@smithy/node-http-handler", "@smithy/signature-v4"]),
    );
    expect([...outside].filter((name) => name.startsWith("@aws-sdk/"))).toEqual([]);
  });
});
