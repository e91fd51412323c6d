import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "@headwater/core/testing";
import { type Database, type FencedError, HeadwaterError, open } from "headwater";
import { addLink, BEGINNING, CREATE_HISTORY, type Link } from "../rivals/history.js";
import type { RivalMessage, RivalOrder, RivalTask } from "./rival-messages.js";
import { sayLine } from "./say.js";

// A process that writes as if it were the only one: it adds rows, is fenced now and then, closes, and opens again.

const task = JSON.parse(process.argv[2] ?? "{}") as RivalTask;
const random = new SeededRandom(task.seed);
/** Before it tries again to open. */
const AGAIN_MS_MAX = 60;
const PAD_BYTES_MAX = 3000;
/** What may go away by itself; `REPLICA_GAP`, where the other wrote while this one recovered its buffer. */
const PASSING: readonly string[] = ["STORE_UNAVAILABLE", "REPLICA_GAP", "REPLICA_FILE_GONE", "TIMEOUT"];

let during = "open";
let order: RivalOrder | undefined;
let wake = (): void => undefined;

createInterface({ input: process.stdin }).on("line", (line) => {
  order = line as RivalOrder;
  wake();
});

const say: (message: RivalMessage) => void = sayLine;

/** Sleeps until an order comes. */
async function ordered(): Promise<void> {
  if (order === undefined)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
}

/** True when there is nothing more to do. */
async function obeyWithout(): Promise<boolean> {
  if (order === undefined) return false;
  if (order === "close") return true;
  say(order === "settle" ? { kind: "settled", as: "away" } : { kind: "resting" });
  order = undefined;
  await ordered();
  return obeyWithout();
}

async function main(): Promise<void> {
  while (!(await obeyWithout())) {
    during = "open";
    const db = await tryOpen();
    if (db === undefined) await sleep(random.below(AGAIN_MS_MAX));
    else if (await live(db)) break;
  }
  say({ kind: "closed" });
}

async function tryOpen(): Promise<Database | undefined> {
  try {
    const db = await open(task.url, task.options);
    const last = await newest(db);
    say({ kind: "open", top: last.id, setAside: db.status.buffer.setAside.length });
    return db;
  } catch (error) {
    if (codeOf(error) === "LEASE_HELD") say({ kind: "held" });
    else if (PASSING.includes(codeOf(error))) say({ kind: "unavailable", code: codeOf(error), during });
    else throw error;
    return undefined;
  }
}

async function newest(db: Database): Promise<Link> {
  const tables = await db.all("select name from sqlite_schema");
  if (tables.length === 0) return BEGINNING;
  return (await db.get<{ id: number; digest: string }>("select id, digest from history order by id desc limit 1")) ?? BEGINNING;
}

/** Writes until it is fenced, or told to close; to whether it was told. */
async function live(db: Database): Promise<boolean> {
  try {
    for (;;) {
      if (order === "close") return true;
      if (order === "settle") await settle(db);
      else if (order === "rest") {
        say({ kind: "resting" });
        order = undefined;
        await ordered();
      } else await unlessPassing(() => add(db));
    }
  } catch (error) {
    if (!isFenced(error)) throw error;
    sayFenced(error);
    return false;
  } finally {
    await close(db);
  }
}

/** Storage that is away for a moment fails a statement, and no more. */
async function unlessPassing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!PASSING.includes(codeOf(error))) throw error;
    say({ kind: "unavailable", code: codeOf(error), during });
    await sleep(random.below(AGAIN_MS_MAX));
  }
}

async function add(db: Database): Promise<void> {
  during = "commit";
  await db.exec(CREATE_HISTORY);
  const { id, digest } = await addLink(db, task.name, random.below(PAD_BYTES_MAX));
  say({ kind: "commit", id, digest });
  const confirmed = random.chance(0.2) ? db.sync() : db.durable();
  confirmed.then(
    (txid) => say({ kind: "sync", id, digest, txid }),
    () => undefined, // the next statement says what happened
  );
  await sleep(random.below(task.pauseMsMax));
}

/** One more row, synced; what comes out is the last word on whether it may write. */
async function settle(db: Database): Promise<void> {
  order = undefined;
  try {
    await db.exec(CREATE_HISTORY);
    const { id, digest } = await addLink(db, task.name, 0);
    say({ kind: "sync", id, digest, txid: await db.sync() });
    say({ kind: "settled", as: "winner" });
  } catch (error) {
    if (!isFenced(error)) return say({ kind: "settled", as: PASSING.includes(codeOf(error)) ? "unknown" : refuse(error) });
    sayFenced(error);
    await db.all("select count(*) from sqlite_schema"); // reads go on
    say({ kind: "settled", as: "fenced" });
  }
  await ordered();
}

function refuse(error: unknown): never {
  throw error;
}

async function close(db: Database): Promise<void> {
  during = "close";
  try {
    await db.close();
  } catch (error) {
    if (isFenced(error)) return sayFenced(error);
    if (!PASSING.includes(codeOf(error)) && codeOf(error) !== "LEASE_HELD") throw error;
    say({ kind: "unavailable", code: codeOf(error), during });
  }
}

function isFenced(error: unknown): error is FencedError {
  return codeOf(error) === "FENCED";
}

function sayFenced({ localTxid, remoteTxid, owner }: FencedError): void {
  say({ kind: "fenced", localTxid, remoteTxid, owner: owner !== undefined, during });
}

function codeOf(error: unknown): string {
  return HeadwaterError.is(error) ? error.code : "";
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say({ kind: "failed", code: codeOf(error), message: error instanceof Error ? error.message : String(error), during });
    console.error(error);
    process.exit(1);
  },
);
