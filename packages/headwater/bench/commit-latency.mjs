// Latency of single-row commits while syncs are uploading, paced, against a small S3 server whose puts take their time:
//   node bench/commit-latency.mjs [--latency 25,200,2000] [--rate 1000] [--seconds 20] [--rows 20000]
// Besides wall-clock time it counts the time that a commit's thread was runnable but not run (Linux), because another
// process had the processor: "own" is without it. Each percentile is of one run.
import fs, { mkdtempSync, openSync as openFile, readSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { PerformanceObserver } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { openSync } from "../dist/sync.js";

const { values } = parseArgs({
  options: {
    latency: { type: "string", default: "25,200,2000" },
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
    rows: { type: "string", default: "20000" },
    trace: { type: "boolean", default: false },
  },
});
const SLOTS = { putDelayMs: 0, fault: 1, puts: 2, gets: 3, heads: 4, deletes: 5, lists: 6, rangeFault: 7, rangeFaultsLeft: 8, token: 9 };
const control = new SharedArrayBuffer(64);
const worker = new Worker(new URL("../test/support/small-s3.mjs", import.meta.url), {
  workerData: { control, slots: SLOTS, accessKeyId: "key" },
});
const port = await new Promise((resolve) => worker.once("message", resolve));
worker.unref();
const shared = new Int32Array(control);

let schedstat;
try {
  schedstat = openFile("/proc/thread-self/schedstat", "r");
} catch {
  schedstat = undefined;
}
const text = Buffer.alloc(100);
/** Milliseconds that this thread has waited for a processor. */
function waitedMs() {
  if (schedstat === undefined) return 0;
  const length = readSync(schedstat, text, 0, 100, 0);
  return Number(text.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}

/** With --trace: what a commit's calls to files took, in milliseconds, by name. */
let calls = {};
if (values.trace) {
  for (const name of [
    "writeSync",
    "readSync",
    "openSync",
    "closeSync",
    "unlinkSync",
    "rmSync",
    "ftruncateSync",
    "fsyncSync",
    "fdatasyncSync",
    "readdirSync",
  ]) {
    const original = fs[name];
    fs[name] = (...args) => {
      const t = performance.now();
      try {
        return original(...args);
      } finally {
        calls[name] = (calls[name] ?? 0) + performance.now() - t;
      }
    };
  }
}

let collections = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ["gc"] });

const at = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
const pace = new Int32Array(new SharedArrayBuffer(4));

for (const latencyMs of values.latency.split(",").map(Number)) {
  const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-latency-"));
  const url = `s3://bucket/latency-${latencyMs}?endpoint=http://127.0.0.1:${port}&region=us-east-1&forcePathStyle=true`;
  const store = { credentials: { accessKeyId: "key", secretAccessKey: "secret" } };
  const db = openSync(url, { write: true, store, buffer: { path: path.join(dir, "buffer") }, onExit: false });
  db.exec("create table t (n integer primary key, b text)");
  db.exec(
    `with recursive c(n) as (select 1 union all select n + 1 from c where n <= ${values.rows}) insert into t select n, hex(randomblob(50)) from c`,
  );
  db.sync();
  Atomics.store(shared, SLOTS.putDelayMs, latencyMs);
  const update = db.prepare("update t set b = hex(randomblob(50)) where n = ?");
  const insert = db.prepare("insert into t (b) values (hex(randomblob(50)))");
  const everyMs = 1000 / Number(values.rate);
  const commits = Number(values.rate) * Number(values.seconds);
  const wall = new Float64Array(commits);
  const own = new Float64Array(commits);
  const worst = [];
  const putsBefore = Atomics.load(shared, SLOTS.puts);
  collections = [];
  const start = performance.now();
  for (let n = 0; n < commits; n += 1) {
    const due = start + n * everyMs;
    for (let left = due - performance.now(); left > 0; left = due - performance.now()) Atomics.wait(pace, 0, 0, left);
    // Events are delivered when the loop turns; a program that never lets it turn would keep them all.
    if (n % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    const waitedBefore = waitedMs();
    calls = {};
    const t = performance.now();
    if (n % 2 === 0) update.run(1 + ((n * 7919) % Number(values.rows)));
    else insert.run();
    const took = performance.now() - t;
    wall[n] = took;
    own[n] = took - Math.min(took, waitedMs() - waitedBefore);
    if (own[n] > 2)
      worst.push({
        n,
        atMs: Math.round(t - start),
        wall: took.toFixed(1),
        own: own[n].toFixed(1),
        puts: Atomics.load(shared, SLOTS.puts),
        start: t,
        calls,
      });
  }
  const elapsed = performance.now() - start;
  const puts = Atomics.load(shared, SLOTS.puts) - putsBefore;
  Atomics.store(shared, SLOTS.putDelayMs, 0);
  db.close();
  rmSync(dir, { recursive: true, force: true });
  const line = (sorted) =>
    `p50 ${at(sorted, 0.5).toFixed(3)}  p99 ${at(sorted, 0.99).toFixed(3)}  p99.9 ${at(sorted, 0.999).toFixed(3)}  worst ${at(sorted, 1).toFixed(2)} ms`;
  console.log(
    `put ${latencyMs} ms: ${commits} commits in ${(elapsed / 1000).toFixed(1)} s, ${puts} puts, load ${os.loadavg()[0].toFixed(1)}`,
  );
  console.log(`  wall ${line(wall.sort())}`);
  console.log(`  own  ${line(own.sort())}`);
  const gcMs = collections.map((entry) => entry.duration);
  console.log(`  gc   ${gcMs.length} collections, longest ${Math.max(0, ...gcMs).toFixed(1)} ms`);
  for (const { start: begin, calls: made, ...one } of worst.sort((a, b) => b.own - a.own).slice(0, 12)) {
    const gc = collections
      .filter((c) => c.startTime < begin + Number(one.wall) && c.startTime + c.duration > begin)
      .reduce((sum, c) => sum + c.duration, 0);
    const slow = Object.entries(made)
      .filter(([, ms]) => ms > 0.3)
      .map(([name, ms]) => `${name} ${ms.toFixed(1)}`);
    console.log("  slow", JSON.stringify(one), `gc ${gc.toFixed(1)}`, slow.join(", "));
  }
}
process.exit(0);
