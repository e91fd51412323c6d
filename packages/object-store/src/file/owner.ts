import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Who holds a lock: one JavaScript thread of one process, on one boot of one machine. */
export interface Owner {
  /** Name and id of the machine. */
  readonly host: string;
  /** Differs after a restart of the machine; empty where the system does not tell. */
  readonly boot: string;
  /** The namespace in which `pid` counts; empty where there are none. */
  readonly namespace: string;
  readonly pid: number;
  /** The kernel's id of the thread, 0 where it can't be known. */
  readonly tid: number;
  /** When that thread started, in the kernel's own unit; empty where it can't be known. */
  readonly started: string;
  /** Never used twice. */
  readonly nonce: string;
}

let machine: Pick<Owner, "host" | "boot" | "namespace"> | undefined;

/** This thread. @param nonce - Something never used before. */
export function thisOwner(nonce: string): Owner {
  machine ??= {
    host: `${hostname()}/${tryRead(() => readFileSync("/etc/machine-id", "utf8").trim())}`,
    boot: tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: tryRead(() => readlinkSync("/proc/self/ns/pid")),
  };
  // "1234/task/1240"; a synchronous call, so the kernel answers for this very thread and not for one of Node's pool.
  const [pid, , tid] = tryRead(() => readlinkSync("/proc/thread-self")).split("/");
  if (pid === undefined || tid === undefined) return { ...machine, pid: process.pid, tid: 0, started: "", nonce };
  return { ...machine, pid: Number(pid), tid: Number(tid), started: startOf(Number(pid), Number(tid)), nonce };
}

/**
 * True only where the holder can't be alive: its machine has started anew, or its thread or process has ended. What
 * can't be judged from here (another machine, another container) counts as alive.
 */
export function isDead(owner: Owner): boolean {
  const me = thisOwner("");
  if (owner.host !== me.host) return false;
  if (owner.boot !== me.boot) return owner.boot !== "" && me.boot !== "";
  if (owner.namespace !== me.namespace) return false;
  if (owner.tid !== 0) return startOf(owner.pid, owner.tid) !== owner.started;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Reads back what was written with `JSON.stringify`; nothing where it is not an owner. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const o = JSON.parse(text) as Partial<Record<keyof Owner, unknown>> | null;
    const strings = [o?.host, o?.boot, o?.namespace, o?.started, o?.nonce].every((v) => typeof v === "string");
    const numbers = [o?.pid, o?.tid].every((v) => Number.isSafeInteger(v));
    return strings && numbers && /^[0-9a-f]{16}$/.test(String(o?.nonce)) ? (o as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of the thread's stat; empty where there is no such thread (a zombie counts as none). */
function startOf(pid: number, tid: number): string {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/task/${tid}/stat`, "utf8"));
  // The name in parentheses may hold anything, so count from its end: state is the first field behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "" : (fields[19] ?? "");
}

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
