import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "@headwater/core/testing";
import type { WriterProcess } from "../actors/writer-process.js";
import type { Backend } from "../claim.js";
import type { Place } from "../places.js";
import type { FaultProxy, HeldPut } from "../proxy/fault-proxy.js";
import { temporaryFileAppears } from "./temporary-files.js";

/** What an attack knows of its victim. */
export interface Victim {
  readonly writer: WriterProcess;
  readonly place: Place;
  /** Before an S3 server. */
  readonly proxy?: FaultProxy;
  readonly random: SeededRandom;
  /** How long a writer takes from its start to an open database, about. */
  readonly openingMs: number;
}

/** The time for the kill. */
export interface Moment {
  /** Whether it is the moment that the attack is named for. */
  readonly found: boolean;
  /** Goes on in the background after the kill. */
  readonly afterwards?: () => Promise<void>;
}

/** Picks the moment of a kill. */
export interface Attack {
  readonly name: string;
  /** The writer must sync by itself, and often. */
  readonly needsPuts: boolean;
  readonly backends: readonly Backend[];
  /** Resolves when it is time. */
  wait(victim: Victim): Promise<Moment>;
}

const COMMITS_MAX = 120;
/** Where a store is slow, a writer that waits for its syncs does not get that far. */
const COMMITTING_MS_MAX = 1500;
/** A put that is waited for comes within this, or the writer is killed all the same. */
const PUT_WAIT_MS_MAX = 3000;
/** A put of a dead writer may reach the server so much later. */
const LATE_MS_MAX = 1500;
const TRANSACTION_FILE = /\/0000\/[^/]+\.ltx$/;

/** At a random moment, a random number of commits after it opened. */
const committing: Attack = {
  name: "while committing",
  needsPuts: false,
  backends: ["file", "s3"],
  async wait({ writer, random }) {
    const commits = 1 + random.below(COMMITS_MAX);
    await writer.untilOpen();
    await writer.until(() => writer.all("commit").length >= commits, COMMITTING_MS_MAX);
    await sleep(random.below(12));
    return { found: writer.all("commit").length > 0 };
  },
};

/** At a random moment of its start: it recovers what the last one left. */
const opening: Attack = {
  name: "while opening and recovering",
  needsPuts: false,
  backends: ["file", "s3"],
  async wait({ random, openingMs, writer }) {
    await sleep(random.below(Math.ceil(openingMs * 1.1)));
    return { found: writer.all("commit").length === 0 };
  },
};

/** While a file of the replica has only its temporary name, or just got its own. */
const puttingFile: Attack = {
  name: "in mid-put",
  needsPuts: true,
  backends: ["file"],
  async wait({ writer, place, random }) {
    const commits = random.below(40);
    await writer.untilOpen();
    await writer.until(() => writer.all("commit").length > commits, COMMITTING_MS_MAX);
    const found = await temporaryFileAppears(place, PUT_WAIT_MS_MAX, () => writer.isEnded);
    await sleep(random.below(4)); // before its bytes are there, before it has its name, before the folder is synced
    return { found };
  },
};

/** While the server has not got the put yet. It may still get it, when the writer is long dead. */
const puttingBefore: Attack = {
  name: "in mid-put, before the store has it",
  needsPuts: true,
  backends: ["s3"],
  async wait(victim) {
    const put = await holdPut("before", victim);
    return put === undefined ? { found: false } : { found: true, afterwards: () => sendLate(put, victim.random) };
  },
};

/** When the server has done the put, and the writer does not know it yet. */
const puttingAfter: Attack = {
  name: "in mid-put, before the reply",
  needsPuts: true,
  backends: ["s3"],
  async wait(victim) {
    const put = await holdPut("after", victim);
    return put === undefined ? { found: false } : { found: true, afterwards: async () => put.drop() };
  },
};

export const ATTACKS: readonly Attack[] = [committing, opening, puttingFile, puttingBefore, puttingAfter];

async function holdPut(where: "before" | "after", { writer, proxy, random }: Victim): Promise<HeldPut | undefined> {
  const commits = random.below(40);
  await writer.untilOpen();
  await writer.until(() => writer.all("commit").length > commits, COMMITTING_MS_MAX);
  const hold = proxy?.holdPut(where, TRANSACTION_FILE);
  const timer = new AbortController();
  try {
    return await Promise.race([hold?.held, writer.ended.then(() => undefined), waited(timer.signal)]);
  } finally {
    hold?.cancel();
    timer.abort();
  }
}

async function waited(signal: AbortSignal): Promise<undefined> {
  await sleep(PUT_WAIT_MS_MAX, undefined, { signal }).catch(() => undefined);
}

async function sendLate(put: HeldPut, random: SeededRandom): Promise<void> {
  if (random.chance(0.4)) return put.drop();
  await sleep(random.pick([0, random.below(50), random.below(LATE_MS_MAX)]));
  put.release();
}
