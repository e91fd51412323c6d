import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { HeadwaterError, type Runtime, throwIfAborted } from "@headwater/core";
import { isMissing, systemCode } from "./file-errors.js";
import { LOCK_PREFIX, TEMP_PREFIX } from "./names.js";
import { isDead, type Owner, parseOwner, thisOwner } from "./owner.js";

/** Longer than any honest holder takes; waiting on is then of no use. */
const WAIT_MS_MAX = 10_000;
const POLL_MS_MAX = 20;

/** One queue for each path in this thread, so that only one of its callers at a time competes with other processes. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `task` while no other thread or process does for the same file.
 *
 * The lock is a file beside it, made by `link`, so that it appears with its owner's name in it or not at all. A
 * dead owner's lock is removed by whoever holds the lock on *that removal*, which carries the dead owner's nonce: so two who
 * saw the same dead owner can't remove each other's new lock.
 *
 * @throws {HeadwaterError} `STORE_UNAVAILABLE` when a living owner, or one that can't be judged from here, does not let go.
 */
export async function withFileLock<T>(file: string, runtime: Runtime, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
  const before = queues.get(file);
  let done = (): void => {};
  const mine = new Promise<void>((resolve) => {
    done = resolve;
  });
  queues.set(file, mine);
  try {
    await before;
    const digest = createHash("sha256").update(path.basename(file)).digest("hex").slice(0, 16);
    return await holding(path.join(path.dirname(file), `${LOCK_PREFIX}${digest}`), runtime, signal, task);
  } finally {
    done();
    if (queues.get(file) === mine) queues.delete(file);
  }
}

/** A name that is never used twice. */
export function freshNonce(runtime: Runtime): string {
  const half = (): string => runtime.random.nextU32().toString(16).padStart(8, "0");
  return half() + half();
}

async function holding<T>(lock: string, runtime: Runtime, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
  const deadlineMs = runtime.clock.monotonicMs() + WAIT_MS_MAX;
  const nonce = freshNonce(runtime);
  const token = path.join(path.dirname(lock), `${TEMP_PREFIX}${nonce}`);
  await fs.writeFile(token, JSON.stringify(thisOwner(nonce)), { flag: "wx" });
  try {
    for (let pollMs = 1; !(await tryLink(token, lock)); pollMs = Math.min(POLL_MS_MAX, pollMs * 2)) {
      throwIfAborted(signal);
      const owner = await ownerOf(lock);
      if (owner !== undefined && isDead(owner)) {
        await holding(`${lock}-${owner.nonce}`, runtime, signal, () => removeIfHeldBy(lock, owner));
        continue;
      }
      if (runtime.clock.monotonicMs() > deadlineMs) throw stuck(lock, owner);
      await runtime.timers.sleep(pollMs, signal);
    }
  } finally {
    await fs.rm(token, { force: true });
  }
  try {
    return await task();
  } finally {
    await fs.rm(lock, { force: true });
  }
}

async function tryLink(token: string, lock: string): Promise<boolean> {
  try {
    await fs.link(token, lock);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function ownerOf(lock: string): Promise<Owner | undefined> {
  try {
    return parseOwner(await fs.readFile(lock, "utf8"));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function removeIfHeldBy(lock: string, dead: Owner): Promise<void> {
  if ((await ownerOf(lock))?.nonce === dead.nonce) await fs.rm(lock, { force: true });
}

function stuck(lock: string, owner: Owner | undefined): HeadwaterError {
  const who = owner === undefined ? "unknown" : `${owner.host.split("/")[0]}:${owner.pid}`;
  return new HeadwaterError(
    "STORE_UNAVAILABLE",
    `a file of the store is locked by another process; if that one is gone (another container or machine can't be asked from here), remove the lock file; owner=${who} lock=${lock}`,
  );
}
