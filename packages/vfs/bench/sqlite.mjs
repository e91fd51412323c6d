// Micro benchmark of the sqlite-wasm adapter's hot paths, over a database file that is an array of pages in memory, so
// that only the adapter and SQLite are measured. Run: pnpm --filter @headwater/vfs bench:sqlite [rows]
import assert from "node:assert/strict";
import os from "node:os";
import { SqliteRuntime } from "@headwater/vfs";

const ROWS = Number(process.argv[2] ?? 500_000);
const PAGE_SIZE = 4096;

/** The least that a database file can be: no log, no rollback, one array. */
class ArrayFile {
  pageSize = PAGE_SIZE;
  writable = true;
  pages = [];
  reads = 0;
  sizePages() {
    return this.pages.length;
  }
  readPage(pgno, into, offset) {
    this.reads += 1;
    const page = this.pages[pgno - 1];
    if (into.byteLength === PAGE_SIZE) into.set(page);
    else into.set(page.subarray(offset, offset + into.byteLength));
  }
  writePage(pgno, data) {
    const page = this.pages[pgno - 1];
    if (page === undefined) this.pages[pgno - 1] = data.slice();
    else page.set(data);
  }
  truncate(size) {
    this.pages.length = size;
  }
  completeRecord() {}
  sync() {}
  publish() {}
  lock() {}
  unlock() {}
  pragma() {
    return undefined;
  }
  close() {}
}

const results = [];
/**
 * Runs `body` `times` times, `count` operations each. Reports the fastest run by the clock, and by the processor time of
 * the whole process, which counts where the machine has other work.
 */
function measure(name, unit, count, reference, body, times = 3) {
  let wall = Number.POSITIVE_INFINITY;
  let cpu = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i += 1) {
    const cpuStart = process.cpuUsage();
    const start = process.hrtime.bigint();
    body();
    wall = Math.min(wall, Number(process.hrtime.bigint() - start) / 1e9);
    const used = process.cpuUsage(cpuStart);
    cpu = Math.min(cpu, (used.user + used.system) / 1e6);
  }
  results.push({ workload: name, unit, "per second": Math.round(count / wall), "per CPU second": Math.round(count / cpu), reference });
}

const start = process.hrtime.bigint();
const runtime = await SqliteRuntime.load();
const loadMs = Number(process.hrtime.bigint() - start) / 1e6;
const file = new ArrayFile();
const db = runtime.open("bench", file, { readonly: false, pageSize: PAGE_SIZE });
db.exec("create table t(id integer primary key, name text, body text, n integer)");

const insert = db.prepare("insert into t(name, body, n) values (?, ?, ?)");
const body = "lorem ipsum dolor sit amet ".repeat(4);
measure(
  "insert in one transaction",
  "rows",
  ROWS,
  "706k (facts, raw calls)",
  () => {
    db.exec("begin");
    for (let i = 0; i < ROWS; i += 1) insert.run(`name ${i}`, body, i);
    db.exec("commit");
  },
  1,
);
const bytes = file.pages.length * PAGE_SIZE;

const get = db.prepare("select name, body, n from t where id = ?");
const POINTS = 200_000;
const points = () => {
  for (let i = 0; i < POINTS; i += 1) {
    const id = ((i * 7919) % ROWS) + 1;
    assert.equal(get.get(id).n, id - 1);
  }
};
measure("point read in a transaction", "rows", POINTS, "359k (facts, raw calls)", () => {
  db.exec("begin");
  points();
  db.exec("commit");
});
measure("point read, autocommit", "rows", POINTS, "-", points);
const getArray = db.prepare("select name, body, n from t where id = ?");
getArray.mode = "array";
measure("point read in a transaction, as an array", "rows", POINTS, "-", () => {
  db.exec("begin");
  for (let i = 0; i < POINTS; i += 1) getArray.get(((i * 7919) % ROWS) + 1);
  db.exec("commit");
});

const all = db.prepare("select id, name, n from t");
measure("all rows, three columns, as objects", "rows", ROWS, "-", () => assert.equal(all.all().length, ROWS));
const scan = db.prepare("select count(*) from t where body like '%x%'");
measure("scan", "MB", bytes / 1e6, "940 (facts, count without like)", () => scan.get());
const sum = db.prepare("select sum(n) from t");
measure("scan, sum of an integer column", "MB", bytes / 1e6, "940 (facts)", () => sum.get());

const COMMITS = 50_000;
const small = db.prepare("insert into t(name, n) values (?, ?)");
measure("insert, autocommit", "commits", COMMITS, "176k (facts, journal in JavaScript)", () => {
  for (let i = 0; i < COMMITS; i += 1) small.run("x", i);
});
const update = db.prepare("update t set n = n + 1 where id = ?");
measure("update, autocommit", "commits", COMMITS, "-", () => {
  for (let i = 0; i < COMMITS; i += 1) update.run(((i * 7919) % ROWS) + 1);
});
assert.equal(db.prepare("pragma integrity_check").get().integrity_check, "ok");
db.close();

console.log(`${new Date().toISOString()} node ${process.version} sqlite ${runtime.version} ${os.cpus().length} x ${os.cpus()[0]?.model}`);
console.log(
  `database ${(bytes / 1e6).toFixed(1)} MB, ${ROWS} rows; load ${loadMs.toFixed(0)} ms; heap ${(runtime.heapBytes / 1e6).toFixed(0)} MB at the end`,
);
console.table(results);
