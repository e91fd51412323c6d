import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFileAppears } from "../kills/temporary-files.js";
import type { HeldPut } from "../proxy/fault-proxy.js";
import { type Match, RIVALS, type RivalName } from "./match.js";

/** Something that happens to two writers. Both run when it begins, and when it ends. */
export interface Action {
  readonly name: string;
  run(match: Match): Promise<void>;
}

const RUN_MS_MAX = 150;
const PAUSE_MS_MAX = 400;
const PUT_WAIT_MS = 500;
const CLOSE_MS_MAX = 120_000;
const TRANSACTION_FILE = /\/0000\/[^/]+\.ltx$/;

/** Both write for a while. */
const writing: Action = {
  name: "both write",
  run: ({ random }) => sleep(random.below(RUN_MS_MAX)),
};

/** One is stopped at a random moment, for longer than the other's syncs take. */
const pausing: Action = {
  name: "paused",
  async run(match) {
    const { random } = match;
    const rival = match.rival(pick(match));
    rival.signal("SIGSTOP");
    await sleep(random.below(PAUSE_MS_MAX));
    rival.signal("SIGCONT");
    await sleep(random.below(RUN_MS_MAX));
  },
};

/** One is stopped in mid-put, until the other has written; then its put goes on. */
const pausingInPut: Action = {
  name: "paused in mid-put",
  async run(match) {
    const { random, parts } = match;
    const name = pick(match);
    const rival = match.rival(name);
    const held = await putBegins(match);
    rival.signal("SIGSTOP");
    if (held === undefined) parts.counts.add(`${parts.backend}: no put came to pause in`);
    const other = match.rival(name === "a" ? "b" : "a");
    const before = other.all("sync").length;
    await other.until(() => other.all("sync").length > before, PAUSE_MS_MAX);
    if (held !== true && random.chance(0.5)) held?.release(); // before it wakes up, or after
    rival.signal("SIGCONT");
    await sleep(random.below(RUN_MS_MAX));
    if (held !== true) held?.release();
  },
};

/** One is killed, and starts again with the same buffer. */
const killing: Action = {
  name: "killed",
  async run(match) {
    const name = pick(match);
    await match.rival(name).kill();
    await sleep(match.random.below(RUN_MS_MAX));
    match.send(name);
    await sleep(match.random.below(RUN_MS_MAX));
  },
};

/** One closes in order, and its successor of the same name starts later. */
const handingOver: Action = {
  name: "closed and started again",
  async run(match) {
    const name = pick(match);
    const rival = match.rival(name);
    rival.tell("close");
    await rival.until(() => rival.isEnded, CLOSE_MS_MAX);
    await sleep(match.random.below(RUN_MS_MAX));
    match.send(name);
    await sleep(match.random.below(RUN_MS_MAX));
  },
};

export const ACTIONS: readonly Action[] = [writing, pausing, pausingInPut, killing, handingOver];

const pick = ({ random }: Match): RivalName => random.pick(["a", "b"]);

/** Resolves when a put is under way: on S3 held back in the proxy. It may be the other's; then that one is held up. */
async function putBegins({ place, proxy, random }: Match): Promise<HeldPut | true | undefined> {
  if (proxy === undefined) return (await temporaryFileAppears(place, PUT_WAIT_MS, () => false)) ? true : undefined;
  const hold = proxy.holdPut(random.chance(0.7) ? "before" : "after", TRANSACTION_FILE);
  const timer = new AbortController();
  const late = sleep(PUT_WAIT_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([hold.held, late]);
  } finally {
    hold.cancel();
    timer.abort();
  }
}

/** Resolves when both are open for the first time, or one is and the other may not be. */
export async function bothHere(match: Match): Promise<void> {
  for (const name of RIVALS) {
    const rival = match.rival(name);
    await rival.until(() => rival.messages.length > 0, CLOSE_MS_MAX);
  }
}
