import { createLayout } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import type { Engine, EngineConfig } from "../src/index.js";
import { Connection } from "./support/connection.js";
import { type FileSpec, put, range } from "./support/replica.js";
import { Rounds } from "./support/rounds.js";
import { World } from "./support/world.js";

// What opening costs in requests, and in round trips that wait for each other (the design, "Opening").

/** About 2 MB, as one snapshot. */
const SNAPSHOT: FileSpec = { min: 1, level: 9, commit: 4000 };
const deltas = (count: number): FileSpec[] => range(2, count + 1).map((min) => ({ min, commit: 4000, pages: [1, min] }));

class Replica {
  readonly world: World = new World();
  readonly rounds: Rounds = new Rounds();

  static async of(...files: readonly FileSpec[]): Promise<Replica> {
    const replica = new Replica();
    const place = { store: replica.world.store, layout: createLayout("s3", "app") } as World;
    for (const file of files) await put(place, file);
    replica.world.hooks = { before: replica.rounds.before };
    return replica;
  }

  open(config: Partial<EngineConfig> = {}): Promise<Engine> {
    return this.world.open({ layout: "s3", write: false, ...config });
  }

  /** Round trips, LISTs and GETs so far. */
  get cost(): { rounds: number; list: number; get: number; all: number } {
    const { rounds } = this;
    return { rounds: rounds.count, list: rounds.requests("list"), get: rounds.requests("get"), all: rounds.calls.length };
  }
}

async function end(engine: Engine): Promise<void> {
  await engine.close();
  await engine.release();
}

describe("a cold open", () => {
  it("of a snapshot takes two round trips and six requests, and a page far from its start one more", async () => {
    const replica = await Replica.of(SNAPSHOT);
    const engine = await replica.open();
    expect(replica.cost).toEqual({ rounds: 2, list: 4, get: 2, all: 6 });
    // Page 1 and what follows it came along.
    expect([1, 2, 3, 50].every((pgno) => engine.opened.pages.has(pgno))).toBe(true);
    await engine.read(engine.opened.viewId, 2000);
    expect(replica.cost).toMatchObject({ rounds: 3, get: 3 });
    await end(engine);
  });

  it("of a database that is small takes one GET, and brings all of it", async () => {
    const replica = await Replica.of({ min: 1, commit: 100 });
    const engine = await replica.open();
    expect(replica.cost).toEqual({ rounds: 2, list: 4, get: 1, all: 5 });
    expect(engine.opened.pages.size).toBe(100);
    await end(engine);
  });

  it("with 40 level-0 files takes no more round trips, and one GET for each", async () => {
    const replica = await Replica.of(SNAPSHOT, ...deltas(40));
    const engine = await replica.open();
    expect(replica.cost).toEqual({ rounds: 2, list: 4, get: 42, all: 46 });
    expect(engine.opened.txid).toBe(41n);
    await end(engine);
  });

  it("of a replica with more keys than a page of a listing takes one round trip more", async () => {
    const replica = await Replica.of(SNAPSHOT, ...range(2, 1010).map((min) => ({ min, commit: 4000, pages: [min] })), {
      min: 2,
      max: 1005,
      level: 1,
      commit: 4000,
      pages: range(2, 1005),
    });
    const engine = await replica.open();
    expect(replica.cost).toMatchObject({ rounds: 3, list: 6 });
    expect(replica.cost.get).toBeLessThanOrEqual(9);
    await end(engine);
  });

  it("for writing costs the same, and a commit after it nothing", async () => {
    const replica = await Replica.of(SNAPSHOT);
    const engine = await replica.open({ write: true });
    const { all, rounds } = replica.cost;
    expect({ all, rounds }).toEqual({ all: 6, rounds: 2 });
    const connection = new Connection(engine, replica.world);
    connection.commit(7, [1, 2]);
    expect(replica.cost.all).toBe(6);
    await end(engine);
  });
});

describe("an open database that nobody uses", () => {
  it("costs nothing when it polls only on demand", async () => {
    const replica = await Replica.of(SNAPSHOT);
    const engine = await replica.open();
    await replica.world.runtime.advance(3_600_000);
    expect(replica.cost.all).toBe(6);
    await end(engine);
  });

  it("costs nothing when it was opened for writing and everything is synced", async () => {
    const replica = await Replica.of(SNAPSHOT);
    const engine = await replica.open({ write: true, syncIntervalMs: 1000 });
    await replica.world.runtime.advance(3_600_000);
    expect(replica.cost.all).toBe(6);
    await end(engine);
  });
});
