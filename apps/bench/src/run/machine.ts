import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { peakOf } from "../child/peak-memory.js";

const require = createRequire(import.meta.url);

/** Where and of what something was measured: without it a number says nothing. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  /** Files differ from that commit. */
  readonly modified: boolean;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Load average of the minute before: well below the number of cores on a quiet machine. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Peak resident set size of `node -e 0`, in bytes. */
  readonly bareNodeBytes: number;
}

export function describeMachine(root: string): Machine {
  const cpu = os.cpus()[0]?.model.trim() ?? "unknown";
  return {
    date: new Date().toISOString(),
    commit: git(root, "rev-parse", "--short", "HEAD") ?? "unknown",
    modified:
      git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!apps/bench/results", ":!apps/bench/README.md") !== "",
    cpu,
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0] ?? 0,
    versions: versions(),
    bareNodeBytes: bareNodeBytes(),
  };
}

function git(root: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined; // no checkout
  }
}

function versions(): Record<string, string> {
  const found: Record<string, string> = { node: process.versions.node };
  for (const name of ["headwater", "better-sqlite3", "litestream-vfs", "@aws-sdk/client-s3"]) {
    try {
      const manifest = require.resolve(`${name}/package.json`);
      found[name] = (JSON.parse(readFileSync(path.resolve(manifest), "utf8")) as { version: string }).version;
    } catch {
      found[name] = "not installed";
    }
  }
  return found;
}

/** As {@link peakBytes} sees it, from as little as can tell. */
function bareNodeBytes(): number {
  const script =
    process.platform === "linux"
      ? 'process.stdout.write(require("node:fs").readFileSync("/proc/self/status"))'
      : 'process.stdout.write("VmHWM: " + process.resourceUsage().maxRSS + " kB")';
  const once = (): number => peakOf(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout);
  return Math.min(once(), once(), once());
}
