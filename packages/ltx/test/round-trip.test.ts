import { testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { Crc64, combineCrc64, crc64, decodeHeader, decodeLtx, decodePageFrame, decodeTail, pageChecksum, verifyLtx } from "../src/index.js";
import { encode, PAGE_SIZES, pagesFor, pg, ROUNDS, random, range, samePages, tx } from "./support.js";

const seed = testSeed("round-trip");

describe.each(PAGE_SIZES)("a file with pages of %i bytes", (pageSize) => {
  it("comes back as it went in", () => {
    for (let round = 0; round < 20 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const commit = 1 + r.below(12);
      const snapshot = r.chance(0.3);
      const pgnos = range(1, commit).filter(() => snapshot || r.chance(0.6));
      const pages = pagesFor(r, pageSize, pgnos);
      const min = snapshot ? 1 : 2 + r.below(1000);
      const file = encode({ pageSize, commit, minTXID: tx(min), maxTXID: tx(min + r.below(5)), nodeID: 2n ** 64n - 1n }, pages);
      const decoded = decodeLtx(file.bytes);
      expect(decoded.header).toEqual(file.header);
      expect(decoded.trailer).toEqual(file.trailer);
      expect(decoded.index).toEqual(file.index);
      expect(samePages(decoded.pages(), pages)).toBe(true);
      expect(decodeTail(file.bytes, file.bytes.length)).toMatchObject({ kind: "ok", index: file.index, trailer: file.trailer });
      pages.forEach((page, i) => {
        const frame = decodePageFrame(file.bytes, file.index.offsets[i] ?? -1, pageSize);
        expect(samePages([frame], [page])).toBe(true);
        expect(frame.size).toBe(file.index.sizes[i]);
      });
      expect(decodeHeader(file.bytes)).toEqual(file.header);
      expect(verifyLtx(file.bytes).ok).toBe(true);
    }
  });
});

describe("CRC-64/ISO", () => {
  it("has the published check value", () => {
    expect(crc64(new TextEncoder().encode("123456789"))).toBe(0xb90956c775a41001n);
  });

  it("agrees with the bit-by-bit definition, in pieces, and combined", () => {
    const slow = (bytes: Uint8Array): bigint => {
      let crc = 0xffffffffffffffffn;
      for (const byte of bytes) {
        crc ^= BigInt(byte);
        for (let i = 0; i < 8; i += 1) crc = (crc >> 1n) ^ ((crc & 1n) * 0xd800000000000000n);
      }
      return crc ^ 0xffffffffffffffffn;
    };
    for (let round = 0; round < 60 * ROUNDS; round += 1) {
      const r = random(seed + round);
      const bytes = r.bytes(r.below(300));
      const cut = r.below(bytes.length + 1);
      const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const expected = slow(bytes);
      expect(crc64(bytes)).toBe(expected);
      expect(crc64(b, crc64(a))).toBe(expected);
      expect(combineCrc64(crc64(a), crc64(b), b.length)).toBe(expected);
      const pieces = new Crc64();
      pieces.update(a);
      pieces.update(b);
      expect(pieces.digest()).toBe(expected);
    }
  });

  it("takes more bytes than its buffer has", () => {
    const big = random(seed).bytes(300_001);
    const parts = new Crc64();
    for (let at = 0; at < big.length; at += 7_777) parts.update(big.subarray(at, at + 7_777));
    expect(crc64(big)).toBe(parts.digest());
  });

  it("sums a page with its number and the checksum flag", () => {
    const data = random(seed).bytes(512);
    expect(pageChecksum(pg(0x01020304), data)).toBe(crc64(new Uint8Array([1, 2, 3, 4, ...data])) | (1n << 63n));
  });
});
