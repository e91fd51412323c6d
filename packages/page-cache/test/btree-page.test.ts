import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { childrenOf, schemaRoots } from "../src/index.js";
import { interiorPage } from "./support/trees.js";

const random = new SeededRandom(testSeed("btree-page"));

describe("childrenOf", () => {
  it.each([2, 5] as const)("names the children of an interior page of type %d, the right-most last", (type) => {
    expect(childrenOf(7, interiorPage([9, 4, 12, 700_000], { type }))).toEqual(Uint32Array.of(9, 4, 12, 700_000));
  });

  it("skips the database's header on page 1", () => {
    expect(childrenOf(1, interiorPage([3, 4], { pgno: 1 }))).toEqual(Uint32Array.of(3, 4));
  });

  it("takes no other page for one", () => {
    for (const type of [0, 1, 10, 13, 255]) expect(childrenOf(3, new Uint8Array(512).fill(type, 0, 1))).toBeUndefined();
  });

  it("takes nonsense for none, and never fails", () => {
    const page = interiorPage([3, 4, 5], { pageSize: 512 });
    expect(childrenOf(2, interiorPage([3, 0, 5]))).toBeUndefined();
    new DataView(page.buffer).setUint16(3, 60_000);
    expect(childrenOf(2, page)).toBeUndefined();
    for (let n = 0; n < 2000; n += 1) {
      const noise = random.bytes(512);
      noise[0] = n % 2 === 0 ? 2 : 5;
      const children = childrenOf(2, noise);
      expect(children === undefined || !children.includes(0)).toBe(true);
    }
    for (const length of [0, 1, 5, 11, 13]) expect(childrenOf(2, page.subarray(0, length))).toBeUndefined();
  });
});

describe("schemaRoots", () => {
  it("never fails on nonsense", () => {
    for (let n = 0; n < 2000; n += 1) {
      const noise = random.bytes(512);
      noise[0] = 13;
      noise[3] = 0;
      for (const root of schemaRoots(2, noise)) expect(Number.isSafeInteger(root) && root > 1 && root < 2 ** 32).toBe(true);
    }
  });
});
