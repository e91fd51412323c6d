import { expect, it } from "vitest";
import { SqliteRuntime, warmUp } from "../../src/sqlite/index.js";

it("leaves nothing behind", async () => {
  const runtime = await SqliteRuntime.load();
  warmUp(runtime);
  expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
});
