import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { nodeFileSystem } from "@headwater/core/node";
import { expect, it } from "vitest";
import { LocalCopy } from "../src/index.js";

it("never shows another thread a page before its bytes", async () => {
  const dir = mkdtempSync(path.join(tmpdir(), "headwater-copy-"));
  const pages = 40_010;
  const pageSize = 512;
  const copy = LocalCopy.create({ fs: nodeFileSystem, path: path.join(dir, "copy"), pageSize, pages: 10, viewId: 1 });
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL("./reader-thread.mjs", import.meta.url), {
    workerData: { shared: copy.shared, pages, stop },
    execArgv: [],
  });
  try {
    const messages = listen(worker);
    expect(await messages.next()).toBe("ready");
    for (let pgno = 1; pgno <= pages; pgno += 1) {
      if (pgno % 1000 === 10) copy.resize(Math.min(pages, pgno + 1000)); // the bitmap grows under the reader
      copy.writePage(pgno, new Uint8Array(pageSize).fill((pgno & 127) + 1));
      if (pgno % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(new Int32Array(stop), 0, 1);
    const result = (await messages.next()) as { found: number; wrong: number; size: number };
    expect(result).toMatchObject({ wrong: 0, size: pages * pageSize });
    expect(result.found).toBeGreaterThan(0);
    expect(copy.usable).toBe(true);
  } finally {
    await worker.terminate();
    copy.close({ remove: true });
    rmSync(dir, { recursive: true });
  }
});

/** The worker's messages, one by one. Its error rejects. */
function listen(worker: Worker): { next(): Promise<unknown> } {
  const queue: unknown[] = [];
  let wake: (() => void) | undefined;
  let failure: unknown;
  worker.on("message", (message) => {
    queue.push(message);
    wake?.();
  });
  worker.on("error", (error) => {
    failure = error;
    wake?.();
  });
  return {
    async next() {
      while (queue.length === 0) {
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return queue.shift();
    },
  };
}
