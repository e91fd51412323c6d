import { HeadwaterError } from "@headwater/core";
import { COPY_COMPLETE, LocalCopyReader, STATE_FLAGS } from "@headwater/hydrator";
import { describe, expect, it } from "vitest";
import type { Engine, EngineConfig } from "../src/index.js";
import { Connection, pageOf } from "./support/connection.js";
import { put, range, versionIn } from "./support/replica.js";
import { Gate, PAGE_SIZE, until, World } from "./support/world.js";

const PATH = "/db/copy.db";
const COMMIT = 3000; // 1.6 MB
const hydrating = (start: "open" | "manual"): Partial<EngineConfig> => ({ write: false, create: false, hydration: { path: PATH, start } });

async function replica(): Promise<World> {
  const world = new World();
  await put(world, { min: 1, level: 9, commit: COMMIT });
  await put(world, { min: 2, commit: COMMIT, pages: [5] });
  return world;
}

/** A page of the local copy; nothing where it is not there. */
function copied(world: World, engine: Engine, pgno: number): Uint8Array | undefined {
  const { copy } = engine.opened;
  if (copy === undefined) throw new Error("hydration is off");
  const reader = LocalCopyReader.open(world.fs, copy);
  const page = new Uint8Array(PAGE_SIZE);
  const found = reader.read(pgno, page, 0);
  reader.close();
  return found ? page : undefined;
}

async function close(engine: Engine): Promise<void> {
  await engine.close();
  await engine.release();
}

const state = (engine: Engine): string => engine.shared.hydrationState;
const isComplete = (engine: Engine): boolean =>
  (new Int32Array(engine.opened.copy?.state ?? new SharedArrayBuffer(16))[STATE_FLAGS] ?? 0) === (COPY_COMPLETE | 1);

describe("hydration of a reader", () => {
  it("by hand: waits to be told, and is there page by page when it is complete", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("manual"));
    engine.answered();
    await world.runtime.advance(10_000);
    expect([state(engine), copied(world, engine, 7)]).toEqual(["waiting", undefined]);
    const done = engine.hydrated();
    await engine.hydrate();
    await done;
    expect([state(engine), isComplete(engine)]).toEqual(["complete", true]);
    expect([5, 7, COMMIT].map((pgno) => versionIn(copied(world, engine, pgno))?.version)).toEqual([2, 1, 1]);
    expect(engine.shared.statistic("hydrationPages")).toBe(COMMIT);
    expect(world.events("hydration").at(-1)).toMatchObject({ state: "complete", pages: COMMIT, pageCount: COMMIT, path: PATH });
    // Again is no new run, and does not wait.
    await engine.hydrate();
    await engine.hydrated();
    await close(engine);
    expect(world.fs.stat(PATH)).toBeUndefined();
  });

  it("at open: lets the first statement go first, but not for ever", async () => {
    for (const answered of [true, false]) {
      const world = await replica();
      const engine = await world.open(hydrating("open"));
      await world.runtime.advance(499);
      expect(state(engine)).toBe("waiting");
      if (answered) engine.answered();
      else await world.runtime.advance(1);
      await until("it runs", () => state(engine) !== "waiting");
      await engine.hydrated();
      await close(engine);
    }
  });

  it("at open: begins at once where somebody waits for it", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("open"));
    await engine.hydrated();
    expect(isComplete(engine)).toBe(true);
    await close(engine);
  });

  it("takes pages of demand reads along, before it runs", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("manual"));
    await engine.read(engine.opened.viewId, 2000);
    expect(versionIn(copied(world, engine, 2000))).toEqual({ pgno: 2000, version: 1 });
    expect(copied(world, engine, 1000)).toBeUndefined();
    await close(engine);
  });

  it("waits while a demand read is under way", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("manual"));
    const gate = new Gate();
    let held = false;
    let others = 0;
    world.hooks = {
      before: ({ kind }) => {
        if (kind !== "get") return undefined;
        if (held) others += 1;
        else held = true;
        return others > 0 ? undefined : gate.pass();
      },
    };
    const reading = engine.read(engine.opened.viewId, 2000);
    await until("the read is under way", () => gate.arrived === 1);
    await engine.hydrate();
    for (let n = 0; n < 50; n += 1) await world.runtime.timers.turn();
    expect(others).toBe(0);
    gate.open();
    await reading;
    await engine.hydrated();
    expect(others).toBeGreaterThan(0);
    await close(engine);
  });

  it("follows the view that was adopted, and never before: the pages that changed are fetched again", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("open"));
    await engine.hydrated();
    await put(world, { min: 3, commit: COMMIT + 2, pages: [9, 100, COMMIT + 1, COMMIT + 2] });
    expect(await engine.refresh()).toBe(3n);
    expect(versionIn(copied(world, engine, 100))?.version).toBe(1);
    const { viewId } = engine.adoptNewest(engine.opened.viewId);
    await until("the copy has caught up", () => isComplete(engine) && copied(world, engine, COMMIT + 2) !== undefined);
    expect([9, 100, COMMIT + 2, 101].map((pgno) => versionIn(copied(world, engine, pgno))?.version)).toEqual([3, 3, 3, 1]);
    expect(new Int32Array(engine.opened.copy?.state as SharedArrayBuffer)[0]).toBe(viewId);
    await close(engine);
  });

  it("tells what stopped it, keeps what is there, and tries again when asked to", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("manual"));
    const cause = new HeadwaterError("STORE_DENIED", "no longer allowed");
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "get") throw cause;
      },
    };
    await engine.hydrate();
    await expect(engine.hydrated()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
    expect(state(engine)).toBe("failed");
    expect(world.events("warning")).toEqual([expect.objectContaining({ code: "HYDRATION_FAILED" })]);
    // Who asks later is told at once.
    await expect(engine.hydrated()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
    world.hooks = {};
    await engine.hydrate();
    await engine.hydrated();
    expect([state(engine), isComplete(engine)]).toEqual(["complete", true]);
    await close(engine);
  });

  it("leaves a file alone that is there already: reads stay remote, with a warning", async () => {
    const world = await replica();
    const handle = world.fs.open(PATH, "w+");
    handle.write(Uint8Array.of(1, 2, 3), 0);
    const engine = await world.open(hydrating("open"));
    expect(engine.opened.copy).toBeUndefined();
    expect(world.events("warning")).toEqual([
      expect.objectContaining({ code: "HYDRATION_FAILED", message: expect.stringContaining(PATH) }),
    ]);
    await expect(engine.hydrate()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
    expect(() => engine.hydrated()).toThrow(expect.objectContaining({ code: "HYDRATION_FAILED" }));
    const { pages } = await engine.read(engine.opened.viewId, 2000);
    expect(versionIn(pages.get(2000))?.version).toBe(1);
    await close(engine);
    expect(world.fs.stat(PATH)?.size).toBe(3);
  });

  it("ends with the database, also in the middle, without a warning", async () => {
    const world = await replica();
    const engine = await world.open(hydrating("manual"));
    const gate = new Gate();
    world.hooks = { before: ({ kind }) => (kind === "get" ? gate.pass() : undefined) };
    await engine.hydrate();
    const waiting = expect(engine.hydrated()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
    await until("it is under way", () => gate.arrived > 0);
    const closing = engine.close();
    gate.open();
    await closing;
    await waiting;
    await engine.release();
    expect(world.events("warning")).toEqual([]);
    expect(world.fs.stat(PATH)).toBeUndefined();
  });
});

describe("hydration of a writer", () => {
  it("takes over its own synced pages when they are adopted, without fetching them", async () => {
    const world = new World();
    const first = new Connection(await world.open(), world);
    first.commit(1, range(1, 40));
    await first.sync();
    await first.close();
    const engine = await world.open({ hydration: { path: PATH, start: "open" } });
    const connection = new Connection(engine, world);
    await engine.hydrated();
    let gets = 0;
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "get") gets += 1;
      },
    };
    for (let version = 2; version <= 4; version += 1) {
      connection.commit(version, [7, 40 + version]);
      await connection.sync();
      // Not adopted yet: what is in the file belongs to the view before.
      expect(copied(world, engine, 7)).toEqual(pageOf(7, version - 1, 40));
      connection.adopt();
      await until("the copy has them", () => copied(world, engine, 7)?.[0] === version);
      expect(copied(world, engine, 40 + version)).toEqual(pageOf(40 + version, version, 40));
    }
    await until("it is complete", () => isComplete(engine));
    expect(gets).toBe(0);
    await connection.close();
  });
});
