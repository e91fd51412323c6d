import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { open, type Status } from "headwater";
import type { ColdReport } from "./cold.js";
import { bodyOf, makeSample, SAMPLE_ROWS } from "./sample.js";

/** The promise of a cold start: so many requests at most before the first row is there. */
const REQUESTS_BEFORE_FIRST_ROW_MAX = 12;

const scratch = mkdtempSync(path.join(os.tmpdir(), "headwater-demo-"));
try {
  await demo(replicaUrl(process.env["HEADWATER_DEMO_URL"]));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** A folder of its own in the scratch directory, or a prefix of its own under the URL that was given. */
function replicaUrl(given: string | undefined): string {
  if (given === undefined || given === "") return pathToFileURL(path.join(scratch, "replica")).href;
  const url = new URL(given);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/demo-${Date.now().toString(36)}`;
  return url.href;
}

async function demo(url: string): Promise<void> {
  const shown = url.replace(/\?.*$/, "");
  console.log(`1. A sample database as a replica at ${shown}`);
  const started = performance.now();
  const bytes = await makeSample(url, path.join(scratch, "buffer-sample"));
  console.log(`   ${(bytes / 1e6).toFixed(1)} MB, ${SAMPLE_ROWS} rows, in ${((performance.now() - started) / 1000).toFixed(1)} s`);

  console.log("\n2. A new process opens it cold, with nothing local (milliseconds since that process started)");
  const report = await runCold(url);
  console.log(requestTable(report.requests));
  console.log(`   ${report.requestsBeforeFirstRow} requests before the first row`);
  if (report.requestsBeforeFirstRow > REQUESTS_BEFORE_FIRST_ROW_MAX)
    throw new Error(`more than ${REQUESTS_BEFORE_FIRST_ROW_MAX} requests before the first row`);

  console.log("\n3. The replica opened afresh");
  await check(url, report);
  if (process.env["HEADWATER_DEMO_URL"]) console.log(`\nThe replica stays at ${shown}`);
  console.log("\nEverything held.");
}

async function runCold(url: string): Promise<ColdReport> {
  const child = fork(fileURLToPath(new URL("./cold.js", import.meta.url)), [url, path.join(scratch, "buffer-cold"), bodyOf(30_000)]);
  let report: ColdReport | undefined;
  child.on("message", (message) => {
    report = message as ColdReport;
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0 || report === undefined) throw new Error(`the cold process failed; exit status ${code}`);
  return report;
}

async function check(url: string, report: ColdReport): Promise<void> {
  const db = await open(url);
  try {
    const row = await db.get<{ body: string }>("select body from notes where id = ?", [report.insertedId]);
    console.log(`   row ${report.insertedId}: ${row?.body ?? "missing"}`);
    if (row?.body !== "written before anything was downloaded") throw new Error("the new row is not in the replica");
    const [{ integrity_check: verdict } = {}] = await db.pragma("integrity_check");
    console.log(`   integrity_check: ${String(verdict)}`);
    if (verdict !== "ok") throw new Error("integrity_check found damage");
    if (db.status.txid < report.txid) throw new Error("the replica is older than what was synced");
    console.log(requestTable(db.status.requests));
  } finally {
    await db.close();
  }
}

function requestTable(requests: Status["requests"]): string {
  const rows = Object.entries(requests).filter(([, { count }]) => count > 0);
  return rows
    .map(
      ([kind, { count, bytes }]) => `   ${kind.padEnd(6)} ${String(count).padStart(5)} requests ${(bytes / 1e6).toFixed(2).padStart(9)} MB`,
    )
    .join("\n");
}
