import { describe, expect, it } from "vitest";
import { elapsedMs, momentOf, StoreClock } from "../src/index.js";
import { ManualRuntime } from "../src/testing.js";

describe("elapsed time", () => {
  it("is the larger of both clocks' and never negative", async () => {
    const world = new ManualRuntime();
    const start = momentOf(world.clock);
    await world.advance(1000);
    expect(elapsedMs(world.clock, start)).toBe(1000);
    world.jump(60_000); // suspended: the monotonic clock stood still
    expect(elapsedMs(world.clock, start)).toBe(61_000);
    world.jump(-200_000); // the wall clock was set back
    expect(elapsedMs(world.clock, start)).toBe(1000);
  });
});

describe("the store's own time", () => {
  it("is not known before the first Date, and goes on from the last one", async () => {
    const world = new ManualRuntime();
    const time = new StoreClock(world.clock);
    expect(time.nowMs).toBeUndefined();
    time.note(5_000_000, momentOf(world.clock));
    await world.advance(1500);
    expect(time.nowMs).toBe(5_001_500);
    world.jump(600_000);
    expect(time.nowMs).toBe(5_601_500);
  });

  it("stays within what a Date says: not before it, and not after it and the request's duration", async () => {
    const world = new ManualRuntime();
    const time = new StoreClock(world.clock);
    time.note(1_000_000, momentOf(world.clock));
    await world.advance(900);
    time.note(1_000_000, momentOf(world.clock)); // the same second still
    expect(time.nowMs).toBe(1_000_900);
    world.jump(3_600_000); // the wall clock was corrected, and no time passed
    expect(time.nowMs).toBe(4_600_900);
    const sentAt = momentOf(world.clock);
    await world.advance(100);
    time.note(1_001_000, sentAt);
    expect(time.nowMs).toBe(1_001_000 + 999 + 100);
    time.note(2_000_000, sentAt);
    expect(time.nowMs).toBe(2_000_000);
  });

  it("is not set back by a reply that was long on its way", async () => {
    const world = new ManualRuntime();
    const time = new StoreClock(world.clock);
    time.note(1_000_000, momentOf(world.clock));
    const sentAt = momentOf(world.clock);
    await world.advance(600_000);
    time.note(1_000_500, sentAt);
    expect(time.nowMs).toBe(1_600_000);
  });
});
