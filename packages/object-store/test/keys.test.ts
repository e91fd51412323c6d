import { SeededRandom, testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkKey, compareKeys } from "../src/index.js";
import { checkPrefix } from "../src/keys.js";
import { checkRange, resolveRange } from "../src/ranges.js";
import { bodyExtent, normalizeEtag } from "../src/s3/replies.js";

const runs = { numRuns: 500 * Number(process.env["HEADWATER_ROUNDS"] ?? 1), seed: new SeededRandom(testSeed("keys")).nextU32() | 0 };

const isWellFormed = (text: string): boolean => !/\p{Cs}/u.test(text);

describe("compareKeys", () => {
  it("orders as the bytes of UTF-8 do", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "/", "é", "\ud7ff", "\ue000", "\uffff", "😀", "𝄞"), maxLength: 6 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      runs,
    );
  });
});

describe("checkKey", () => {
  it("lets pass only what stays below a directory, whatever the pieces", () => {
    const piece = fc.constantFrom("a", ".", "..", "/", "//", "\\", "\0", " ", "é", "\ud83d", "😀", "%2e", "x".repeat(300));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const key = pieces.join("");
        let isGood = true;
        try {
          checkKey(key);
        } catch (error) {
          isGood = false;
          expect(error).toMatchObject({ code: "BAD_OPTION" });
          expect((error as Error).message.length).toBeLessThan(2000);
        }
        const segments = key.split("/");
        const isPlain = segments.every((s) => s !== "" && s !== "." && s !== "..") && !/[\\\0]/.test(key);
        expect(isGood).toBe(isPlain && isWellFormed(key) && Buffer.byteLength(key) <= 1024);
        // Every beginning of a good key is a prefix that may be listed, unless it ends in a dot segment or half of a character.
        if (isGood) for (let i = 0; i <= key.length; i += 1) if (isWellFormed(key.slice(0, i)) && i < 1000) checkPrefix(key.slice(0, i));
      }),
      runs,
    );
  });
});

describe("resolveRange", () => {
  it("gives bytes that exist, or OUT_OF_RANGE, as slicing does", () => {
    const int = fc.integer({ min: 0, max: 12 });
    const range = fc.oneof(
      fc.record({ start: int, end: int }),
      int.map((suffix) => ({ suffix })),
    );
    fc.assert(
      fc.property(range, int, (asked, size) => {
        const all = Array.from({ length: size }, (_, i) => i);
        const isSensible = "suffix" in asked ? asked.suffix > 0 : asked.start < asked.end;
        if (!isSensible) {
          expect(() => checkRange(asked)).toThrow("bad byte range");
          return;
        }
        checkRange(asked);
        const expected = "suffix" in asked ? all.slice(-asked.suffix) : all.slice(asked.start, asked.end);
        if (expected.length === 0) {
          expect(() => resolveRange(asked, size, "k")).toThrow("outside");
          return;
        }
        const { start, end } = resolveRange(asked, size, "k");
        expect(all.slice(start, end)).toEqual(expected);
      }),
      runs,
    );
  });
});

describe("bodyExtent", () => {
  it("believes a reply only where it names just the bytes that were asked for", () => {
    const int = fc.integer({ min: 0, max: 9 });
    const header = fc.oneof(
      fc.constant(undefined),
      fc.tuple(int, int, int).map(([a, b, c]) => `bytes ${a}-${b}/${c}`),
      fc.string({ maxLength: 12 }),
    );
    const reply = fc.record({
      status: fc.constantFrom(200, 204, 206, 207),
      contentRange: header,
      length: fc.oneof(int.map(String), fc.constantFrom("", "-1", "1e3", undefined)),
    });
    fc.assert(
      fc.property(reply, int, int, ({ status, contentRange, length }, start, more) => {
        const range = { start, end: start + 1 + more };
        const headers: Record<string, string> = {};
        if (contentRange !== undefined) headers["content-range"] = contentRange;
        if (length !== undefined) headers["content-length"] = length;
        let extent: ReturnType<typeof bodyExtent>;
        try {
          extent = bodyExtent({ status, headers, body: undefined }, range, "k", "s");
        } catch (error) {
          expect(["STORE_UNAVAILABLE", "OUT_OF_RANGE", "STORE_UNSAFE"]).toContain((error as { code?: string }).code);
          return;
        }
        const { size = 0, end, skip } = extent;
        expect([extent.start, end, skip]).toEqual([start, Math.min(range.end, size), status === 200 ? start : 0]);
        expect(status === 200 ? length : contentRange).toBe(status === 200 ? String(size) : `bytes ${start}-${(end ?? 0) - 1}/${size}`);
      }),
      runs,
    );
  });
});

it("an ETag has one form, however the server writes it", () => {
  for (const tag of ['"abc"', "abc", 'W/"abc"', ' "abc" ', '"abc']) expect(normalizeEtag(tag)).toBe('"abc"');
  for (const tag of [undefined, "", '""', "W/", " "]) expect(normalizeEtag(tag)).toBeUndefined();
});
