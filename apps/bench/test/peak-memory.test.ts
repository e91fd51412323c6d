import { describe, expect, it } from "vitest";
import { peakBytes, peakOf } from "../src/child/peak-memory.js";

describe("peak memory", () => {
  it("is read from the status of the process", () => {
    expect(peakOf("Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t   42000 kB\nVmRSS:\t 41000 kB\n")).toBe(42_000 * 1024);
    expect(() => peakOf("Name:\tnode\n")).toThrow(/VmHWM/);
  });

  it("never falls, and is at least what is used now", () => {
    const before = peakBytes();
    expect(before).toBeGreaterThan(20e6);
    const filled = new Uint8Array(64e6).fill(1);
    // The kernel counts in batches, so the two may differ by a few pages.
    expect(peakBytes()).toBeGreaterThan(0.95 * process.memoryUsage().rss);
    expect(peakBytes()).toBeGreaterThanOrEqual(before);
    expect(filled[1]).toBe(1);
  });
});
