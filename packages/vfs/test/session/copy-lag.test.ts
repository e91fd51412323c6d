import { describe, expect, it } from "vitest";
import { CopyLag } from "../../src/session/copy-lag.js";

describe("CopyLag", () => {
  it("holds what changed after the copy's view, and forgets it as the copy follows", () => {
    const lag = new CopyLag();
    lag.add(2, [10, 11]);
    lag.add(3, [11, 12]);
    expect([10, 11, 12, 13].map((p) => lag.has(p, 1))).toEqual([true, true, true, false]);
    expect([10, 11, 12].map((p) => lag.has(p, 2))).toEqual([false, true, true]);
    expect([10, 11, 12].map((p) => lag.has(p, 3))).toEqual([false, false, false]);
  });

  it("trusts nothing above the smallest size that the database had in between", () => {
    const lag = new CopyLag();
    lag.add(2, [70], 50);
    expect([50, 51, 70, 99].map((p) => lag.has(p, 1))).toEqual([false, true, true, true]);
    expect(lag.has(99, 2)).toBe(false);
  });

  it("trusts no page of the copy while everything may have changed", () => {
    const lag = new CopyLag();
    lag.add(5, "all");
    expect(lag.has(1, 4)).toBe(true);
    expect(lag.has(1, 5)).toBe(false);
  });
});
