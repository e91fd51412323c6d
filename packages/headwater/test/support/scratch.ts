import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach } from "vitest";
import type { Options } from "../../src/index.js";

/** A folder of this test's own, with a replica and a buffer in it; removed afterwards. */
export interface Scratch {
  readonly dir: string;
  readonly url: string;
  readonly replicaDir: string;
  /** Options of a writer whose buffer is in the folder. */
  writer(more?: Options): Options;
}

const made: string[] = [];

afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

export function scratch(): Scratch {
  const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-test-"));
  made.push(dir);
  const replicaDir = path.join(dir, "replica");
  return {
    dir,
    replicaDir,
    url: pathToFileURL(replicaDir).href,
    writer: (more = {}) => ({ write: true, syncIntervalMs: 0, buffer: { path: path.join(dir, "buffer") }, ...more }),
  };
}

/** Waits until the condition holds; fails after ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
