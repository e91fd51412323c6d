import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "@headwater/core/testing";
import type { WriterTask } from "../actors/messages.js";
import { WriterProcess } from "../actors/writer-process.js";
import { type Backend, type ClaimRun, mustBe } from "../claim.js";
import { Reckoning } from "../kills/reckoning.js";
import { makePlace, type Place } from "../places.js";
import { FaultProxy, type NthFault } from "../proxy/fault-proxy.js";
import type { Tally } from "../tally.js";

/** What happens at the n-th request. */
export const DIRECTIONS = [
  { name: "request lost once", side: "request lost", mode: "once", crash: false },
  { name: "reply lost once", side: "reply lost", mode: "once", crash: false },
  { name: "requests lost for ever", side: "request lost", mode: "for ever", crash: false },
  { name: "replies lost for ever", side: "reply lost", mode: "for ever", crash: false },
  { name: "crash before the request", side: "request lost", mode: "for ever", crash: true },
  { name: "crash after the request", side: "reply lost", mode: "for ever", crash: true },
] as const;
export type Direction = (typeof DIRECTIONS)[number];

const COMMITS = 6;
const SYNC_EVERY = 2;
/** For ever ends here: SIGKILL, as after an outage that nobody waits for. */
const FOR_EVER_MS = 8_000;
/** A busy machine is slow; a deadlock is slower. */
const PATIENCE_MS = 120_000;

interface TrialParts {
  readonly run: ClaimRun;
  readonly backend: Backend;
  readonly counts: Tally;
  readonly faults: Tally;
  readonly nth: number;
  readonly direction: Direction;
}

let trials = 0;

/**
 * One writer whose n-th request fails, from opening to closing; then, with storage as it should be, what is left.
 *
 * @returns whether there was an n-th request.
 */
export async function runTrial(parts: TrialParts): Promise<boolean> {
  trials += 1;
  const { run, backend, direction, nth } = parts;
  const folder = path.join(run.folder, `${backend}-trial-${trials}-${direction.name.replaceAll(" ", "-")}-${nth}`);
  mkdirSync(folder, { recursive: true });
  const place = makePlace(backend, folder);
  try {
    const struck = await attempt(parts, folder, place);
    await place.dispose();
    rmSync(folder, { recursive: true, force: true });
    return struck;
  } catch (error) {
    await place.keep(path.join(folder, "replica"));
    throw new Error(`${direction.name}, request ${nth}`, { cause: error });
  }
}

async function attempt({ run, backend, counts, faults, nth, direction }: TrialParts, folder: string, place: Place): Promise<boolean> {
  const ledgerSeed = (run.seed + nth) >>> 0;
  const target = place.server?.endpoint ?? "";
  let writer: WriterProcess | undefined;
  let struckNow = (): void => undefined;
  const strikes = new Promise<void>((resolve) => {
    struckNow = resolve;
  });
  const fault: NthFault = {
    nth,
    mode: direction.mode,
    fault: { kind: direction.side },
    onStrike: () => {
      struckNow();
      if (direction.crash && direction.side === "request lost") writer?.signal("SIGKILL");
    },
    onDone: () => {
      if (direction.crash && direction.side === "reply lost") writer?.signal("SIGKILL");
    },
  };
  await using proxy = await FaultProxy.start({ target, random: new SeededRandom(run.seed), rules: [], faults, nth: fault });
  const reckoning = new Reckoning({
    ledgerSeed,
    keepsBuffer: true,
    count: (name, by) => counts.add(`${backend}: ${name}`, by),
    mayFail: (code) => code === "STORE_UNAVAILABLE",
  });
  const start = (commits: number): WriterProcess => {
    const task: WriterTask = {
      url: place.server?.through(proxy.endpoint) ?? place.url,
      api: nth % 2 === 0 ? "open" : "openSync",
      seed: ledgerSeed,
      options: { write: true, syncIntervalMs: 0 },
      syncEvery: SYNC_EVERY,
      commits,
    };
    return new WriterProcess({ task, stateDir: path.join(folder, "state"), logFile: path.join(folder, "writers.log") });
  };
  writer = start(COMMITS);
  await endOf(writer, direction.mode === "for ever" ? strikes : new Promise(() => undefined));
  reckoning.learn(writer);
  const struck = proxy.nthStruck > 0;
  if (struck) faults.add(`${backend}: ${direction.name}`);
  // One lost request or reply is nothing that a writer may notice.
  if (!struck || direction.mode === "once") mustBe(writer?.last("closed") !== undefined, () => "the writer did not close in order");
  proxy.enabled = false;
  await reckoning.checkReplica(place.url);
  const next = start(1);
  await next.ended;
  reckoning.learn(next);
  mustBe(next.last("closed") !== undefined, () => "the next writer did not close");
  await reckoning.checkReplica(place.url);
  counts.add(`${backend}: trials`);
  return struck;
}

/** Whoever has no storage any more is killed some time later, unless it ends by itself. */
async function endOf(writer: WriterProcess, strikes: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([writer.ended, strikes, sleep(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  if (!(await writer.until(() => writer.isEnded, FOR_EVER_MS))) await writer.kill();
}
