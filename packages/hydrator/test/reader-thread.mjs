// The SQLite thread of threads.test.ts: reads pages as fast as it can while the other thread writes them.
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { nodeFileSystem } from "@headwater/core/node";
import { LocalCopyReader } from "../dist/index.js";

const { shared, pages, stop } = workerData;
const reader = LocalCopyReader.open(nodeFileSystem, shared);
const stopped = new Int32Array(stop);
const into = new Uint8Array(shared.pageSize);
let found = 0;
let wrong = 0;
parentPort.postMessage("ready");
while (Atomics.load(stopped, 0) === 0) {
  for (let pgno = 1; pgno <= pages; pgno += 1) {
    if (!reader.read(pgno, into, 0)) continue;
    found += 1;
    // Never what the page held before its bit was set: zeros, here.
    if (into[0] !== (pgno & 127) + 1 || into[into.byteLength - 1] !== (pgno & 127) + 1) wrong += 1;
  }
}
reader.close();
parentPort.postMessage({ found, wrong, size: readFileSync(shared.path).byteLength });
