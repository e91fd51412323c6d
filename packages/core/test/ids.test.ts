import { formatTXID, isPageSize, lockPgno, OptionError, parseTXID, pgno, txid } from "@headwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("TXID", () => {
  it("survives the way to text and back", () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (n) => parseTXID(formatTXID(n)) === n));
  });

  it("prints 16 lower-case hex digits, which sort as the numbers do", () => {
    expect(formatTXID(txid(1))).toBe("0000000000000001");
    expect(formatTXID(2n ** 64n - 1n)).toBe("ffffffffffffffff");
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (a, b) => {
        expect(formatTXID(a) < formatTXID(b)).toBe(a < b);
      }),
    );
  });

  it.each([
    "",
    "1",
    "0000000000000001 ",
    "000000000000000G",
    "000000000000000A",
    "00000000000000001",
    "0x00000000000001",
    "\n000000000000001",
  ])("refuses %j", (text) => {
    expect(() => parseTXID(text)).toThrow(OptionError);
  });

  it("refuses what does not fit into 64 bits", () => {
    expect(() => txid(-1)).toThrow(RangeError);
    expect(() => txid(2n ** 64n)).toThrow(RangeError);
    expect(() => txid(1.5)).toThrow(RangeError);
    expect(() => txid(Number.NaN)).toThrow(RangeError);
  });
});

describe("pages", () => {
  it("takes page numbers from 1 to 2^32-2", () => {
    expect(pgno(1)).toBe(1);
    expect(pgno(0xfffffffe)).toBe(0xfffffffe);
    for (const bad of [0, -1, 1.5, 0xffffffff, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => pgno(bad)).toThrow(RangeError);
  });

  it("knows the page sizes of SQLite", () => {
    const sizes = Array.from({ length: 70_000 }, (_, n) => n).filter(isPageSize);
    expect(sizes).toEqual([512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]);
    for (const bad of [-512, 512.5, Number.NaN, 2 ** 32 + 512]) expect(isPageSize(bad)).toBe(false);
  });

  it("puts the lock page where byte 2^30 is", () => {
    expect(lockPgno(4096)).toBe(262_145);
    for (const size of [512, 1024, 4096, 65_536]) {
      const first = (lockPgno(size) - 1) * size;
      expect(first).toBeLessThanOrEqual(2 ** 30);
      expect(first + size).toBeGreaterThan(2 ** 30);
    }
  });
});
