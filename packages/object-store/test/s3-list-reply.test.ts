import { SeededRandom, testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseListReply } from "../src/s3/list-reply.js";
import { RogueServer } from "./support/rogue-server.js";

const runs = {
  numRuns: 1000 * Number(process.env["HEADWATER_ROUNDS"] ?? 1),
  seed: new SeededRandom(testSeed("s3-list-reply")).nextU32() | 0,
};

const page = (inside: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inside}</ListBucketResult>`;
const object = (key: string, more = ""): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e1&quot;</ETag><Size>12</Size>${more}</Contents>`;
const END = "<IsTruncated>false</IsTruncated>";

describe("parseListReply", () => {
  it("reads what servers write", () => {
    const xml = page(
      `<Name>b</Name><Prefix/><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>\n  ${object(
        "k&lt;1&gt;&#x20ac;&#233;",
        "<Owner><ID>1</ID><DisplayName>me</DisplayName></Owner><StorageClass>STANDARD</StorageClass>",
      )}\n ${object("k2", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>")}
      <CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes>\n`,
    );
    const same = { Size: 12, ETag: '"e1"', LastModified: new Date("2026-01-02T03:04:05.678Z") };
    expect(parseListReply(xml)).toEqual({
      contents: [
        { Key: "k<1>€é", ...same },
        { Key: "k2", ...same },
      ],
      isTruncated: true,
      nextToken: "a&b",
    });
  });

  it("says so when that is no listing's end", () => {
    expect(parseListReply(page(object("k")))?.isTruncated).toBeUndefined();
  });

  it.each([
    ["another document", "<Error><Code>X</Code></Error>"],
    ["nothing", ""],
    ["HTML", "<!DOCTYPE html><html></html>"],
    ["a cut one", page(`${object("k")}${END}`).slice(0, -5)],
    ["an object cut in the middle", page(`<Contents><Key>k</Key>${END}`)],
    ["a comment", page(`<!-- x -->${END}`)],
    ["CDATA", page(`<Contents><Key><![CDATA[k]]></Key></Contents>${END}`)],
    ["an attribute", page(`<Contents><Key a="b">k</Key></Contents>${END}`)],
    ["text between elements", page(`hello${END}`)],
    ["an unknown entity", page(`${object("k&nbsp;")}${END}`)],
    ["a bare ampersand", page(`${object("k&1")}${END}`)],
    ["a field twice", page(`<Contents><Key>a</Key><Key>b</Key></Contents>${END}`)],
  ])("leaves to a real parser: %s", (_, xml) => {
    expect(parseListReply(xml)).toBeUndefined();
  });

  it("never throws, and takes its time from the text's length only", () => {
    const bits = [
      "<Contents>",
      "</Contents>",
      "<Key>",
      "</Key>",
      "<Size>",
      "</Size>",
      "1",
      "&amp;",
      "&",
      "<",
      ">",
      "/",
      " ",
      END,
      "<Owner>",
      "</Owner>",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...bits), { maxLength: 40 }), (parts) => {
        const parsed = parseListReply(page(parts.join("")));
        expect(parsed === undefined || Array.isArray(parsed.contents)).toBe(true);
      }),
      runs,
    );
  });

  it("gives keys back as they were, whatever is in them", () => {
    const escapes = [
      (c: string) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" })[c] ?? c,
      (c: string) => `&#${c.codePointAt(0)};`,
      (c: string) => `&#x${c.codePointAt(0)?.toString(16)};`,
    ];
    const keys = fc.array(fc.string({ unit: fc.constantFrom(..."a/&<>\"'é中😀 ;#"), minLength: 1, maxLength: 12 }), { maxLength: 6 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 0, max: 2 }), (names, form) => {
        const encode = escapes[form] as (c: string) => string;
        const xml = page(names.map((name) => object([...name].map((c) => (c === " " ? c : encode(c))).join(""))).join("") + END);
        expect(parseListReply(xml)?.contents.map((o) => o.Key)).toEqual(names);
      }),
      runs,
    );
  });

  it("lists through the SDK what it can't read itself", async () => {
    const server = await RogueServer.start();
    const store = server.store();
    try {
      server.misbehave = (_request, res) => {
        res.setHeader("content-type", "application/xml");
        res.end(page(`<!-- odd -->${object("k")}${END}`));
        return true;
      };
      const keys: string[] = [];
      for await (const { objects } of store.list("")) keys.push(...objects.map((o) => o.key));
      expect(keys).toEqual(["k"]);
      expect(server.requests).toHaveLength(2);
    } finally {
      await store.close();
      await server.stop();
    }
  });
});
