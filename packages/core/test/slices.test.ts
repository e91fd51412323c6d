import { describe, expect, it } from "vitest";
import { inTurns, runToEnd, Slices, type Steps, UNPACED } from "../src/index.js";
import { ManualRuntime } from "../src/testing.js";

/** A runtime whose clock goes on by so much each time it is asked, and that counts turns. */
function counting(stepMs: number): { readonly runtime: Pick<ManualRuntime, "clock" | "timers">; readonly turns: () => number } {
  const manual = new ManualRuntime();
  let [nowMs, turns] = [0, 0];
  const monotonicMs = (): number => {
    nowMs += stepMs;
    return nowMs;
  };
  const turn = (): Promise<void> => {
    turns += 1;
    return manual.timers.turn();
  };
  return { runtime: { clock: { ...manual.clock, monotonicMs }, timers: { ...manual.timers, turn } }, turns: () => turns };
}

describe("Slices", () => {
  it("ends a slice after so much work where the clock stands still", async () => {
    const { runtime, turns } = counting(0);
    const slices = new Slices(runtime, { units: 100 });
    for (let i = 0; i < 1000; i += 1) if (slices.spent(7)) await slices.turn();
    expect(turns()).toBe(Math.floor(1000 / Math.ceil(100 / 7)));
  });

  it("ends a slice after 3 ms, or what is asked for, however little was done", async () => {
    for (const sliceMs of [undefined, 1]) {
      const { runtime, turns } = counting(0.5);
      const slices = new Slices(runtime, { units: 1e9, ...(sliceMs === undefined ? {} : { sliceMs }) });
      for (let i = 0; i < 700; i += 1) if (slices.spent(1)) await slices.turn();
      expect(turns()).toBe(Math.floor(700 / ((sliceMs ?? 3) / 0.5)));
    }
  });

  it("throws from a turn once its signal has fired", async () => {
    const ending = new AbortController();
    const slices = new Slices(counting(0).runtime, { units: 1, signal: ending.signal });
    await slices.turn();
    ending.abort();
    await expect(slices.turn()).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("is never due where nothing else needs the thread", async () => {
    expect(UNPACED.spent(1e12)).toBe(false);
    await UNPACED.turn();
  });
});

describe("Steps", () => {
  function* sum(upTo: number): Steps<number> {
    let total = 0;
    for (let i = 1; i <= upTo; i += 1) {
      total += i;
      yield;
    }
    return total;
  }

  it("come to the same at once and in turns", async () => {
    const { runtime, turns } = counting(0);
    expect(runToEnd(sum(10))).toBe(55);
    expect(await inTurns(sum(10), runtime.timers)).toBe(55);
    expect(turns()).toBe(10);
    expect(await inTurns(sum(10), undefined)).toBe(55);
  });
});
