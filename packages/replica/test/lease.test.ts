import { HeadwaterError } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { decodeLease, encodeLease, type Lease, leaseHeld } from "../src/index.js";

const decode = (text: string): Lease => decodeLease(new TextEncoder().encode(text), "app/lock.json");

describe("lock.json", () => {
  it.each<Lease>([
    { generation: 1, expiresAtMs: 1_700_000_000_123, owner: "host:1:aa" },
    { generation: 9_007_199_254_740_991, expiresAtMs: 0, owner: "", releasedAtMs: 5, holdUntilMs: 1_700_000_000_000 },
  ])("comes back as it was written: %j", (lease) => expect(decodeLease(encodeLease(lease), "k")).toEqual(lease));

  it("has Litestream's names, and RFC 3339 times", () => {
    const text = new TextDecoder().decode(
      encodeLease({ generation: 2, expiresAtMs: 1000, owner: "h:1:a", releasedAtMs: 2, holdUntilMs: 3 }),
    );
    expect(JSON.parse(text)).toEqual({
      generation: 2,
      expires_at: "1970-01-01T00:00:01.000Z",
      owner: "h:1:a",
      released_at: "1970-01-01T00:00:00.002Z",
      hold_until: "1970-01-01T00:00:00.003Z",
    });
  });

  it("is read in Litestream's forms: token, nanoseconds, a zone, fields that we don't know", () => {
    expect(decode('{"token":7,"expires_at":"2026-01-02T03:04:05.123456789+01:00","owner":"x","more":{}}')).toEqual({
      generation: 7,
      expiresAtMs: Date.parse("2026-01-02T02:04:05.123Z"),
      owner: "x",
    });
    expect(decode('{"generation":3,"token":7,"expires_at":"2026-01-02T03:04:05Z","released_at":null}')).toMatchObject({
      generation: 3,
      owner: "",
    });
  });

  const time = '"expires_at":"2026-01-02T03:04:05Z"';
  it.each([
    "",
    "no JSON",
    "null",
    "[]",
    '"text"',
    "{}",
    `{${time}}`,
    `{"generation":-1,${time}}`,
    `{"generation":1.5,${time}}`,
    `{"generation":"1",${time}}`,
    `{"generation":1e300,${time}}`,
    '{"generation":1}',
    '{"generation":1,"expires_at":5}',
    '{"generation":1,"expires_at":"tomorrow"}',
    '{"generation":1,"expires_at":"2026-13-02T03:04:05Z"}',
    `{"generation":1,${time},"owner":5}`,
    `{"generation":1,${time},"owner":"${"x".repeat(2000)}"}`,
    `{"generation":1,${time},"hold_until":"?"}`,
    `{"generation":1,${time},"__proto__":{"generation":2}`,
    `{"generation":1,${time},"more":"${"x".repeat(20_000)}"}`,
  ])("that can't be read is taken for held, and says so: %.60s", (text) => {
    expect(() => decode(text)).toThrow(expect.objectContaining({ code: "LEASE_HELD", retryable: false }));
  });

  it("never makes anything but a lease or a typed error of arbitrary bytes", () => {
    const random = new SeededRandom(testSeed("lease"));
    const good = encodeLease({ generation: 1, expiresAtMs: 1_700_000_000_123, owner: "host:1:aa", holdUntilMs: 5 });
    for (let round = 0; round < 2000; round += 1) {
      const bytes = good.slice();
      for (let n = random.below(4); n >= 0; n -= 1) bytes[random.below(bytes.length)] = random.below(256);
      try {
        const lease = decodeLease(bytes.subarray(0, random.below(bytes.length + 1)), "k");
        expect(Number.isSafeInteger(lease.generation) && Number.isFinite(lease.expiresAtMs)).toBe(true);
      } catch (error) {
        expect(HeadwaterError.is(error) && error.code).toBe("LEASE_HELD");
      }
    }
  });

  it("names owner and time when another has it, and prints no control characters", () => {
    const error = leaseHeld({ generation: 3, expiresAtMs: 1000, owner: "ho\u001b[31mst\n:1" }, "app/lock.json");
    expect(error).toMatchObject({ code: "LEASE_HELD", retryable: true });
    expect(error.message).toContain("owner=ho?[31mst?:1 until=1970-01-01T00:00:01.000Z");
  });
});
