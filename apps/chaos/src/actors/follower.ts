import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { HeadwaterError, open, type Sql } from "headwater";
import { stateOf } from "../steady/state.js";
import type { FollowerMessage, FollowerTask } from "./follower-messages.js";
import { sayLine } from "./say.js";

// A process that follows a replica and reads all of each view that it gets. A line of input, a TXID, is the last to wait for.

const task = JSON.parse(process.argv[2] ?? "{}") as FollowerTask;
const POLL_MS = 20;

let lastTxid: string | undefined;
createInterface({ input: process.stdin }).on("line", (line) => {
  lastTxid = line;
});

const say: (message: FollowerMessage) => void = sayLine;

async function main(): Promise<void> {
  await using db = await open(task.url, { pollIntervalMs: POLL_MS, cache: { maxBytes: 0 } });
  await db.exec("pragma cache_size = 1");
  let seen = "";
  while (lastTxid === undefined || seen < lastTxid) {
    if (lastTxid !== undefined) await db.refresh();
    // The newest TXID that is known; the next transaction adopts it.
    if (db.status.sync.durableTxid === seen) await sleep(2);
    else
      await db.transaction(async (tx) => {
        seen = await read(tx, db);
      });
  }
}

async function read(tx: Sql, db: { readonly status: { readonly txid: string } }): Promise<string> {
  const [verdict] = await tx.all("pragma quick_check");
  const { txid } = db.status; // the view that this transaction is pinned to
  const state = await stateOf(async (sql) => (await tx.all(sql)).map((row) => Object.values(row)));
  say({ kind: "view", txid, check: String(verdict?.["quick_check"]), ...state });
  return txid;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const code = HeadwaterError.is(error) ? error.code : "";
    say({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
    console.error(error);
    process.exit(1);
  },
);
