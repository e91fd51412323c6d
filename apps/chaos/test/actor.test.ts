import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WriterTask } from "../src/actors/messages.js";
import { WriterProcess } from "../src/actors/writer-process.js";

const COMMITS = 3000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "headwater-actor-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("an actor", () => {
  it.each(["open", "openSync"] as const)("loses no word when it is killed and nobody has listened: %s", async (api) => {
    const task: WriterTask = {
      url: `file://${path.join(dir, "replica")}`,
      api,
      seed: 1,
      options: { write: true, syncIntervalMs: 0 },
      syncEvery: 0,
      commits: COMMITS,
    };
    const writer = new WriterProcess({ task, stateDir: dir, logFile: path.join(dir, "log") });
    await writer.untilOpen();
    const deafUntil = performance.now() + 700;
    while (performance.now() < deafUntil); // its socket fills up
    await writer.kill();
    const heard = writer.acknowledged;
    const next = new WriterProcess({ task: { ...task, commits: 1 }, stateDir: dir, logFile: path.join(dir, "log") });
    await next.ended;
    const { top } = next.last("open") ?? { top: -1 };
    expect(heard).toBeGreaterThan(0);
    expect([heard, heard + 1]).toContain(top);
  });
});
