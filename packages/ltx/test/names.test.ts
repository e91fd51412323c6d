import { txid } from "@headwater/core";
import { testSeed } from "@headwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatLtxName, formatPosition, parseLtxName, parsePosition } from "../src/index.js";
import { tx } from "./support.js";

const seed = testSeed("names");
const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });

describe("file names", () => {
  it("are two TXIDs of 16 hex digits", () => {
    expect(formatLtxName(tx(1), tx(0xabcdef))).toBe("0000000000000001-0000000000abcdef.ltx");
    expect(formatLtxName(tx(2n ** 64n - 1n), tx(2n ** 64n - 1n))).toBe("ffffffffffffffff-ffffffffffffffff.ltx");
  });

  it("come back", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const [minTXID, maxTXID] = a < b ? [txid(a), txid(b)] : [txid(b), txid(a)];
        expect(parseLtxName(formatLtxName(minTXID, maxTXID))).toEqual({ minTXID, maxTXID });
      }),
      { seed },
    );
  });

  it.each([
    "",
    "x",
    "0000000000000001-0000000000000001",
    "0000000000000001-0000000000000001.ltx.tmp",
    "0000000000000001-0000000000000001.LTX",
    "000000000000000A-000000000000000A.ltx",
    "0000000000000000-0000000000000001.ltx",
    "0000000000000002-0000000000000001.ltx",
    "1-1.ltx",
    "00000000000000001-0000000000000001.ltx",
    "a/0000000000000001-0000000000000001.ltx",
    "0000000000000001-0000000000000001.ltx\n",
  ])("%j is none", (name) => {
    expect(parseLtxName(name)).toBeUndefined();
  });
});

describe("positions", () => {
  it("come back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (a, postApplyChecksum) => {
        const position = { txid: txid(a), postApplyChecksum };
        expect(parsePosition(formatPosition(position))).toEqual(position);
      }),
      { seed },
    );
    expect(formatPosition({ txid: tx(26), postApplyChecksum: 1n << 63n })).toBe("000000000000001a/8000000000000000");
  });

  it.each(["", "1/1", "000000000000001a-8000000000000000", "000000000000001A/8000000000000000", "000000000000001a/8000000000000000 "])(
    "%j is none",
    (text) => {
      expect(() => parsePosition(text)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    },
  );
});
