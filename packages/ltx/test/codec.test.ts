import { testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { destination, source, wasm } from "../src/codec/wasm.js";
import { naiveDecode } from "./naive-lz4.js";
import { anyPage, PAGE_SIZES, ROUNDS, random, sameBytes, textPage } from "./support.js";

const seed = testSeed("codec");

function compress(data: Uint8Array): Uint8Array {
  source.set(data);
  return destination.slice(0, wasm.encode(0, data.length));
}

/** A block that is a valid one with some bytes changed, cut or added, or noise made of plausible tokens. */
function hostileBlock(seedOfBlock: number, pageSize: number): Uint8Array {
  const r = random(seedOfBlock);
  if (r.chance(0.3)) return r.bytes(1 + r.below(200)).map((b) => (r.chance(0.4) ? b & 0x1f : r.chance(0.3) ? 255 : b));
  const block = compress(anyPage(r, pageSize));
  for (let i = r.below(4); i > 0; i -= 1) block[r.below(block.length)] = r.nextU32();
  if (r.chance(0.3)) return block.slice(0, r.below(block.length));
  return r.chance(0.2) ? Uint8Array.from([...block, ...r.bytes(1 + r.below(8))]) : block;
}

describe("LZ4 block encoder", () => {
  it.each(PAGE_SIZES)("pages of %i bytes: an independent decoder gives them back, and the block ends as the format wants", (pageSize) => {
    for (let round = 0; round < Math.ceil((40 * ROUNDS * 512) / pageSize) + 6; round += 1) {
      const data = anyPage(random(seed + round), pageSize);
      const block = compress(data);
      expect(block.length).toBeLessThanOrEqual(pageSize + Math.floor(pageSize / 255) + 16);
      const decoded = naiveDecode(block, pageSize);
      expect(decoded !== undefined && sameBytes(decoded.data, data)).toBe(true);
      expect(decoded?.lastMatchStart ?? 0).toBeLessThanOrEqual(pageSize - 12);
      expect(decoded?.lastMatchEnd ?? 0).toBeLessThanOrEqual(pageSize - 5);
    }
  });

  it("takes short inputs of every length", () => {
    for (let n = 1; n < 80; n += 1) {
      const data = new Uint8Array(n).fill(7);
      expect(naiveDecode(compress(data), n)?.data).toEqual(data);
    }
  });

  it("compresses text to less than two thirds", () => {
    const data = textPage(random(seed), 4096);
    expect(compress(data).length).toBeLessThan((4096 * 2) / 3);
  });

  it("does not depend on what was compressed before, across the wrap of its match table", () => {
    const data = textPage(random(5), 65_536);
    const first = compress(data);
    // The table's base rises by the page size with every page, and the table is cleared before the base reaches 2^32.
    wasm.raiseEncoderBase(0xffe00000);
    for (let i = 0; i < 40; i += 1) if (!sameBytes(compress(data), first)) throw new Error(`page ${i} came out differently`);
  });
});

describe("LZ4 block decoder", () => {
  it.each([512, 4096, 65_536])("pages of %i bytes: does with hostile blocks what the independent decoder does", (pageSize) => {
    let valid = 0;
    const rounds = Math.ceil(pageSize > 4096 ? 60 * ROUNDS : 1500 * ROUNDS);
    for (let round = 0; round < rounds; round += 1) {
      const block = hostileBlock(seed + round, pageSize);
      const expected = naiveDecode(block, pageSize);
      source.set(block);
      const n = wasm.decode(0, block.length, 0, pageSize, false);
      expect(n).toBe(expected === undefined ? -1 : expected.data.length);
      if (expected !== undefined) expect(sameBytes(destination.subarray(0, n), expected.data)).toBe(true);
      if (expected !== undefined) valid += 1;
    }
    expect(valid).toBeGreaterThan(0);
    expect(valid).toBeLessThan(rounds);
  });

  it("never touches memory outside of its output and the slack behind it", () => {
    const memory = new Uint8Array(wasm.memory.buffer);
    const capacity = 4096;
    const start = wasm.layout(2);
    for (let round = 0; round < 600 * ROUNDS; round += 1) {
      const block = hostileBlock(seed + round, capacity);
      memory.fill(0xa5, start - 256);
      source.set(block);
      const before = memory.slice();
      wasm.decode(0, block.length, 0, capacity, false);
      expect(sameBytes(memory.subarray(0, start), before.subarray(0, start))).toBe(true);
      const end = start + capacity + 16;
      expect(sameBytes(memory.subarray(end), before.subarray(end))).toBe(true);
    }
  });

  it("lets linked blocks reach back, and others not", () => {
    const window = [1, 2, 3, 4, 5, 6, 7, 8];
    // One match of 4 at offset 6, then the last literals.
    const block = Uint8Array.from([0x00, 6, 0, 0x50, 9, 9, 9, 9, 9]);
    destination.set(window);
    source.set(block);
    expect(wasm.decode(0, block.length, 8, 100, true)).toBe(9);
    expect([...destination.subarray(8, 17)]).toEqual([3, 4, 5, 6, 9, 9, 9, 9, 9]);
    expect(wasm.decode(0, block.length, 8, 100, false)).toBe(-1);
  });
});

describe("memory", () => {
  it("keeps the buffers apart and is never grown", () => {
    expect(wasm.memory.buffer.byteLength).toBe(4 * 65_536);
    const [src, srcSize, dst, dstSize] = [0, 1, 2, 3].map((which) => wasm.layout(which)) as [number, number, number, number];
    expect(src + srcSize + 32).toBeLessThanOrEqual(dst);
    expect(dst + dstSize + 32).toBeLessThanOrEqual(wasm.memory.buffer.byteLength);
    expect(dstSize).toBeGreaterThanOrEqual(65_536 + Math.floor(65_536 / 255) + 16);
    expect(srcSize).toBeGreaterThanOrEqual(10 + dstSize);
  });
});

describe("xxHash32", () => {
  it.each([
    ["", 0x02cc5d05],
    ["a", 0x550d7456],
    ["abc", 0x32d153ff],
    ["123456789", 0x937bad67],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ])("of %j", (text, expected) => {
    const bytes = new TextEncoder().encode(text);
    source.set(bytes);
    expect(wasm.hashSource(0, bytes.length) >>> 0).toBe(expected);
    destination.set(bytes);
    expect(wasm.hashDestination(0, bytes.length) >>> 0).toBe(expected);
  });
});
