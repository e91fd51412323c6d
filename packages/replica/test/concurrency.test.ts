import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { forEachBounded } from "../src/concurrency.js";

describe("forEachBounded", () => {
  it("gives each lane a signal of its own, so that many listeners are no leak", async () => {
    const caller = new AbortController();
    const signals = new Set<AbortSignal>();
    let most = 0;
    await forEachBounded(Array.from({ length: 200 }), 50, caller.signal, async (_, signal) => {
      signals.add(signal);
      const onAbort = (): void => undefined;
      signal.addEventListener("abort", onAbort, { once: true });
      await Promise.resolve();
      most = Math.max(most, getEventListeners(signal, "abort").length, getEventListeners(caller.signal, "abort").length);
      signal.removeEventListener("abort", onAbort);
    });
    expect([signals.size, most]).toEqual([50, 1]);
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
  });

  it("aborts every lane at the first failure, which it throws", async () => {
    const error = new Error("first");
    const aborted: boolean[] = [];
    const work = async (item: number, signal: AbortSignal): Promise<void> => {
      if (item === 3) throw error;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      aborted.push(signal.aborted);
    };
    await expect(forEachBounded([1, 2, 3, 4], 4, undefined, work)).rejects.toBe(error);
    expect(aborted).toEqual([true, true, true]);
  });
});
