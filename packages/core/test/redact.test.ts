import { redactUrl } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";

describe("redactUrl", () => {
  it.each([
    ["s3://bucket/prefix?region=eu", "s3://bucket/prefix?region=eu"],
    [
      "s3://bucket/app?endpoint=http://127.0.0.1:7480&forcePathStyle=true",
      "s3://bucket/app?endpoint=http://127.0.0.1:7480&forcePathStyle=true",
    ],
    ["file:///var/lib/a%20b", "file:///var/lib/a%20b"],
    ["memory:name", "memory:name"],
    ["s3://bucket/user@example.com/db", "s3://bucket/user@example.com/db"],
    ["bucket/user@example.com", "bucket/user@example.com"],
    ["http://127.0.0.1:9000/bucket/db", "http://127.0.0.1:9000/bucket/db"],
  ])("leaves %s as it is", (url, expected) => {
    expect(redactUrl(url)).toBe(expected);
    if (URL.canParse(url)) expect(redactUrl(new URL(url))).toBe(expected);
  });

  it.each([
    ["s3://key:hunter2@bucket/prefix", "s3://bucket/prefix"],
    ["s3://hunter2@bucket/prefix", "s3://bucket/prefix"],
    ["s3:http://u:hunter2@h", "h"],
    ["user:hunter2@host:9000", "host:9000"],
    ["not a url u:hunter2@h?x=hunter2#hunter2", "h"],
    ["//u:hunter2@h/x", "h/x"],
    ["https://h/k?X-Amz-Signature=hunter2#hunter2", "https://h/k?X-Amz-Signature=redacted"],
    ["https://h/k?sig=hunter2&se=2026", "https://h/k?sig=redacted&se=2026"],
    ["s3://b?secret_access_key=hunter2", "s3://b?secret_access_key=redacted"],
    ["s3://b?%73ecretAccessKey=hunter2", "s3://b?secretAccessKey=redacted"],
    ["s3://b?password=hunter2&password=hunter2", "s3://b?password=redacted"],
    ["s3://b?endpoint=http://u:hunter2@h", "s3://b?endpoint=http://h/"],
    ["s3://b?proxy=http%3A%2F%2Fu%3Ahunter2%40h", "s3://b?proxy=http://h/"],
    ["s3://b?proxy=http%253A%252F%252Fu%253Ahunter2%2540h", "s3://b?proxy=http://h/"],
    ["s3://b?a=s3%3A%2F%2Fc%3Fb%3Dhttp%3A%2F%2Fu%3Ahunter2%40h", "s3://b?a=s3://c%3Fb%3Dhttp://h/"],
    ["s3://u:hunter2@b ad/x?token=hunter2", "s3://b ad/x"],
    ["s3://u:hunter2@\u0000b/x\ny", "s3://b/xy"],
  ])("takes the secret out of %s", (url, expected) => {
    expect(redactUrl(url)).toBe(expected);
  });

  it("takes out passwords whose characters end the host for a parser", () => {
    const random = new SeededRandom(testSeed("redact"));
    const nasty = ["/", "?", "#", "@", ":", "\\", "%", "%2", " ", "\n", "&", "=", "[", "]", "//", "://", ";", "\u0000", "é", ""] as const;
    const piece = () => random.pick(["hunter", "12", ""]) + random.pick(nasty);
    for (let i = 0; i < 5000 * Number(process.env["HEADWATER_ROUNDS"] ?? 1); i += 1) {
      const password = `${piece()}${piece()}tiger${random.pick(nasty)}`;
      const scheme = random.pick(["s3://", "http://", "https://", "file://", "S3://", " s3://", "s3:\\\\", "http:\\\\", "s3:", ""]);
      if (scheme === "" && password.startsWith("//")) continue; // "user://..." is a URL with the scheme "user"
      const user = random.pick(["user", "AKIA", "u%3A"]);
      const rest = random.pick(["bucket", "bucket/prefix", "h:9000/x?region=eu", "h?endpoint=http://other:1/", "[::1]:80/", "a b", ""]);
      const inside = `${scheme}${user}:${password}@${rest}`;
      const outside = random.pick([
        inside,
        `s3://b?endpoint=${encodeURIComponent(inside)}`,
        `memory:x?proxy=${encodeURIComponent(inside)}`,
      ]);
      const shown = redactUrl(outside);
      expect(shown, `${JSON.stringify(outside)} became ${JSON.stringify(shown)}`).not.toMatch(/hunter|tiger/);
    }
  });

  it("is quick, and says little, about very long texts", () => {
    for (const text of [`s3://u:${"x".repeat(1_000_000)}@h`, "@".repeat(1_000_000), "a:".repeat(500_000)]) {
      expect(redactUrl(text)).toMatch(/^\(redacted: \d+ characters\)$/);
    }
    const startedAt = performance.now();
    for (const text of ["%25".repeat(1300), "a:".repeat(2000), `s3://b?${"a=@&".repeat(1000)}`, `s3://b?a=${"%2540".repeat(800)}`])
      redactUrl(text);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it("never throws", () => {
    const random = new SeededRandom(testSeed("redact"));
    for (let i = 0; i < 2000; i += 1) {
      const text = String.fromCharCode(...random.bytes(random.below(40)));
      expect(typeof redactUrl(text)).toBe("string");
    }
  });
});
