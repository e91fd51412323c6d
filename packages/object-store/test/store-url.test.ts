import { OptionError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizeEndpoint, parseStoreUrl } from "../src/index.js";

const rest: never[] = [];

describe("parseStoreUrl", () => {
  it.each([
    ["s3://bucket", { kind: "s3", bucket: "bucket", prefix: "", parameters: {}, rest }],
    ["s3://bucket/a/b/", { kind: "s3", bucket: "bucket", prefix: "a/b", parameters: {}, rest }],
    ["s3://my_bucket.x//a//b", { kind: "s3", bucket: "my_bucket.x", prefix: "a/b", parameters: {}, rest }],
    ["s3://bucket/a%20b/%C3%A9", { kind: "s3", bucket: "bucket", prefix: "a b/é", parameters: {}, rest }],
    [
      "s3://b1/p?endpoint=http://127.0.0.1:7480&region=eu-1&forcePathStyle=true&bareEtags=false",
      {
        kind: "s3",
        bucket: "b1",
        prefix: "p",
        parameters: { endpoint: "http://127.0.0.1:7480", region: "eu-1", forcePathStyle: true, bareEtags: false },
        rest,
      },
    ],
    [
      "s3://b1?force_path_style=false&bare-etags=true",
      { kind: "s3", bucket: "b1", prefix: "", parameters: { forcePathStyle: false, bareEtags: true }, rest },
    ],
    [
      "s3://b1?sync_interval=1s&endpoint=localhost:1/&x=%26",
      {
        kind: "s3",
        bucket: "b1",
        prefix: "",
        parameters: { endpoint: "http://localhost:1" },
        rest: [
          ["sync_interval", "1s"],
          ["x", "&"],
        ],
      },
    ],
    ["file:///var/lib/replica", { kind: "file", dir: "/var/lib/replica", prefix: "", rest }],
    ["file:///var//lib/a%20b/?write=false", { kind: "file", dir: "/var/lib/a b", prefix: "", rest: [["write", "false"]] }],
    ["file://localhost/srv", { kind: "file", dir: "/srv", prefix: "", rest }],
    ["file:/srv", { kind: "file", dir: "/srv", prefix: "", rest }],
    ["file:///", { kind: "file", dir: "/", prefix: "", rest }],
    ["file:///C:/data/x", { kind: "file", dir: "C:/data/x", prefix: "", rest }],
    ["file:///C:/", { kind: "file", dir: "C:/", prefix: "", rest }],
    // For these kinds an endpoint means nothing, so the caller gets to say that.
    ["file:///srv?endpoint=x", { kind: "file", dir: "/srv", prefix: "", rest: [["endpoint", "x"]] }],
    ["memory:test", { kind: "memory", name: "test", prefix: "", rest }],
    ["memory:test/a/b/?poll=1", { kind: "memory", name: "test", prefix: "a/b", rest: [["poll", "1"]] }],
  ])("%s", (url, expected) => {
    expect(parseStoreUrl(url)).toEqual(expected);
    expect(parseStoreUrl(new URL(url))).toEqual(expected);
  });

  it.each([
    ["", /not a URL/],
    ["bucket/prefix", /not a URL/],
    ["gs://bucket", /unknown kind of store "gs:"/],
    ["https://bucket.s3.amazonaws.com", /unknown kind/],
    ["s3:bucket", /expected s3:\/\/bucket/],
    ["s3://", /name of a bucket/],
    ["s3:///prefix", /name of a bucket/],
    ["s3://bucket:9000/x", /has no port/],
    ["s3://AKIDEXAMPLE:hunter2hunter2@bucket/x", /credentials do not belong/],
    ["s3://bucket/x#y", /fragment/],
    ["s3://bucket/%zz", /percent-encoding/],
    ["s3://bucket/a%00b", /zero character/],
    ["s3://bucket/a%0Ab", /control character/],
    ["s3://bucket/a%2F..%2Fb", /"\.\." segment/],
    [`s3://bucket/${"x".repeat(1000)}`, /longer than/],
    ["s3://bucket?endpoint=ftp://x", /http or https/],
    ["s3://bucket?endpoint=http://", /not a URL/],
    ["s3://bucket?endpoint=http://AKIDEXAMPLE:hunter2hunter2@host", /endpoint holds credentials/],
    ["s3://bucket?endpoint=http://h/%3Fa=1", /endpoint holds a query/],
    ["s3://bucket?region=a/b", /region/],
    ["s3://bucket?region=", /region is empty/],
    ["s3://bucket?region=a&region=b", /region is given twice/],
    ["s3://bucket?forcePathStyle=yes", /expected true or false/],
    ["s3://bucket?force_path_style=true&forcePathStyle=true", /given twice/],
    ["file:relative", /absolute path/],
    ["file://host/x", /absolute path/],
    ["file:///a%2F..%2Fb", /encoded slash/],
    ["file:///a%00", /zero character/],
    ["memory:", /expected a name/],
    ["memory://name/x", /without slashes/],
    ["memory:/name", /without slashes/],
    ["memory:name/../x", /"\.\." segment/],
  ])("refuses %j", (url, problem) => {
    let error: unknown;
    try {
      parseStoreUrl(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ code: "BAD_URL", message: expect.stringMatching(problem) });
    expect((error as Error).message).not.toContain("hunter2");
  });

  it("gives a value or BAD_URL for any text, and no secret in a message", () => {
    const pieces = [
      "s3:",
      "file:",
      "memory:",
      "//",
      "/",
      "?",
      "#",
      "&",
      "=",
      "@",
      ":",
      "%",
      "..",
      "endpoint",
      "http://u:hunter2@h",
      "é",
      "a b",
      "\0",
    ];
    const random = new SeededRandom(testSeed("store-url"));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 5 })), { maxLength: 12 }), (parts) => {
        try {
          const parsed = parseStoreUrl(parts.join(""));
          expect(parsed.prefix).not.toMatch(/^\/|\/$|\/\/|(^|\/)\.\.?(\/|$)/);
        } catch (error) {
          expect(error).toMatchObject({ code: "BAD_URL" });
          expect((error as Error).message).not.toContain("hunter2");
        }
      }),
      { numRuns: 500 * Number(process.env["HEADWATER_ROUNDS"] ?? 1), seed: random.nextU32() | 0 },
    );
  });
});

describe("normalizeEndpoint", () => {
  it.each([
    ["localhost:9000", "http://localhost:9000"],
    ["127.0.0.1:1", "http://127.0.0.1:1"],
    ["[::1]:1", "http://[::1]:1"],
    ["s3.example.com", "https://s3.example.com"],
    ["http://s3.example.com/base/", "http://s3.example.com/base"],
  ])("%s", (given, expected) => expect(normalizeEndpoint(given)).toBe(expected));
});
