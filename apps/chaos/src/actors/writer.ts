import { type Database, HeadwaterError, open } from "headwater";
import { openSync, type SyncDatabase } from "headwater/sync";
import { asyncLedger, syncLedger } from "../ledger/databases.js";
import { applyStep, checkLedger, createLedger } from "../ledger/ledger.js";
import { stepOf } from "../ledger/steps.js";
import type { WriterMessage, WriterTask } from "./messages.js";
import { sayLine } from "./say.js";

// A process that checks what it finds, commits one transaction after the other, and says so. It is made to be killed.

const task = JSON.parse(process.argv[2] ?? "{}") as WriterTask;
let during = "open";

const say: (message: WriterMessage) => void = sayLine;

async function main(): Promise<void> {
  const db = task.api === "open" ? await open(task.url, task.options) : openSync(task.url, task.options);
  const ledger = isAsync(db) ? asyncLedger(db) : syncLedger(db);
  during = "check";
  let top = await checkLedger(ledger, task.seed);
  const { txid, buffer } = db.status;
  say({ kind: "open", top: Math.max(0, top), setAside: buffer.setAside, txid, afterMs: performance.now() });
  during = "commit";
  if (top < 0) {
    await createLedger(ledger);
    top = 0;
  }
  const last = task.commits === undefined ? Number.POSITIVE_INFINITY : top + task.commits;
  for (let n = top + 1; n <= last; n += 1) {
    await applyStep(ledger, task.seed, stepOf(task.seed, n));
    say({ kind: "commit", n });
    if (task.syncEvery > 0 && n % task.syncEvery === 0) sync(db, n);
  }
  during = "close";
  await db.close();
  say({ kind: "closed" });
}

/** With `open()` the commits go on meanwhile; with `openSync()` they can't. */
function sync(db: Database | SyncDatabase, n: number): void {
  if (isAsync(db)) {
    db.sync().then(
      (txid) => say({ kind: "sync", n, txid }),
      (error: unknown) => syncFailed(n, error),
    );
    return;
  }
  try {
    say({ kind: "sync", n, txid: db.sync() });
  } catch (error) {
    syncFailed(n, error);
  }
}

/** What trying again may mend is tried again in the background; anything else ends the process. */
function syncFailed(n: number, error: unknown): void {
  if (HeadwaterError.is(error) && error.retryable) say({ kind: "syncFailed", n, code: error.code });
  else failed(error);
}

function isAsync(db: Database | SyncDatabase): db is Database {
  return Symbol.asyncDispose in db;
}

function failed(error: unknown): void {
  const code = HeadwaterError.is(error) ? error.code : error instanceof Error ? error.name : "";
  say({ kind: "failed", code, message: error instanceof Error ? error.message : String(error), during });
  console.error(error);
  process.exit(1);
}

main().then(() => process.exit(0), failed);
