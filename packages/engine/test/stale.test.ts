import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { put } from "./support/replica.js";
import { until, World } from "./support/world.js";

describe("a reader whose polls fail", () => {
  it("is stale from the first failure until the next success, and says so once", async () => {
    const world = new World();
    await put(world, { min: 1, commit: 10 });
    const engine = await world.open({ write: false, create: false, pollIntervalMs: 1000 });
    const since = (): number => engine.shared.statistic("staleSinceMs");
    const poll = async (): Promise<void> => world.runtime.advance(1000);
    await poll();
    await until("the first poll is done", () => engine.shared.statistic("lastPollMs") > 0);
    expect(since()).toBe(0);

    const down = new HeadwaterError("STORE_UNAVAILABLE", "the store is down");
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "list") throw down;
      },
    };
    await poll();
    const began = world.runtime.clock.nowMs();
    expect(since()).toBe(began);
    for (let n = 0; n < 3; n += 1) await poll();
    expect(since()).toBe(began);
    expect(world.events("stale")).toEqual([{ reason: down.message, sinceMs: 0 }]);
    expect(world.events("warning")).toEqual([down, down, down, down]);
    // What is known is read all the same.
    await expect(engine.read(engine.opened.viewId, 5)).resolves.toBeDefined();
    await expect(engine.refresh()).rejects.toBe(down);

    world.hooks = {};
    await put(world, { min: 2, commit: 10, pages: [5] });
    await poll();
    await until("it has caught up", () => world.events("view").length === 1);
    await until("the poll is done", () => since() === 0);
    expect(engine.shared.statistic("lastPollMs")).toBe(world.runtime.clock.nowMs());

    // The next time is told again.
    world.hooks = {
      before: () => {
        throw down;
      },
    };
    await poll();
    expect(world.events("stale")).toHaveLength(2);
    await engine.close();
    await engine.release();
    await world.runtime.advance(10_000);
    expect(world.events("stale")).toHaveLength(2);
  });
});
