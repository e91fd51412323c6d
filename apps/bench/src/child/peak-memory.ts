import { readFileSync } from "node:fs";

/**
 * Peak resident set size of this process, in bytes. On Linux from /proc: what getrusage gives (`process.resourceUsage().maxRSS`)
 * begins with the size of the process that started this one.
 *
 * @see Linux, proc_pid_status(5), "VmHWM"
 */
export function peakBytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return peakOf(readFileSync("/proc/self/status", "utf8"));
}

/** From the text of `/proc/<pid>/status`. */
export function peakOf(status: string): number {
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error("the status of the process does not say VmHWM");
  return Number(kib) * 1024;
}
