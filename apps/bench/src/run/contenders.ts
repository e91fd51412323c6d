import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ContenderName } from "../child/protocol.js";

const require = createRequire(import.meta.url);
const APP = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

export interface Contenders {
  /** Those that can run here. */
  readonly available: readonly ContenderName[];
  /** The others, and why not. */
  readonly missing: Readonly<Partial<Record<ContenderName, string>>>;
  /** Shared library that makes the peer SQLite's default VFS, where the peer can run. */
  readonly defaultVfs?: string;
}

/** What can run on this machine. @param cache - Where a small library for the peer is built. */
export function findContenders(cache: string): Contenders {
  const missing: Partial<Record<ContenderName, string>> = {};
  const native = problemOf(() => new (require("better-sqlite3") as new (file: string) => { close(): void })(":memory:").close());
  if (native !== undefined) missing.download = missing.local = missing.peer = `better-sqlite3 can't be loaded: ${native}`;
  let defaultVfs: string | undefined;
  const peer = problemOf(() => {
    if (!existsSync((require("litestream-vfs") as { getLoadablePath(): string }).getLoadablePath()))
      throw new Error("its library is not there");
    defaultVfs = compileDefaultVfs(cache);
  });
  if (peer !== undefined) missing.peer ??= `litestream-vfs: ${peer}`;
  const all = ["headwater", "peer", "download", "local"] as const;
  const available = all.filter((name) => missing[name] === undefined);
  return { available, missing, ...(defaultVfs === undefined ? {} : { defaultVfs }) };
}

function problemOf(attempt: () => void): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n")[0] ?? "unknown";
  }
}

/** The compiler is the one that better-sqlite3 needs too where no binary of it can be downloaded. */
function compileDefaultVfs(cache: string): string {
  const library = path.join(cache, "default-vfs.so");
  if (existsSync(library)) return library;
  const headers = path.join(path.dirname(require.resolve("better-sqlite3/package.json")), "deps", "sqlite3");
  mkdirSync(cache, { recursive: true });
  const source = path.join(APP, "native", "default-vfs.c");
  execFileSync(process.env["CC"] ?? "cc", ["-shared", "-fPIC", "-O2", `-I${headers}`, source, "-o", library], { stdio: "pipe" });
  return library;
}

const KEYS = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench-secret", AWS_REGION: "us-east-1" };

/** How a case opens the database. */
export interface Mode {
  readonly write?: boolean;
  readonly hydrate?: boolean;
}

interface Place extends Mode {
  readonly url: string;
  /** The run's own folder: whatever a contender keeps goes there. */
  readonly dir: string;
  readonly syncIntervalMs?: number | undefined;
}

/**
 * The environment of one run's process, built from nothing, the same for all but for the peer's own settings. (The peer does
 * not load with AWS_CA_BUNDLE set.)
 */
export function environmentOf(
  contender: ContenderName,
  { url, dir, write, hydrate, syncIntervalMs = 1000 }: Place,
): Record<string, string> {
  const common = { PATH: process.env["PATH"] ?? "", HOME: dir, TMPDIR: dir, XDG_STATE_HOME: path.join(dir, "state"), ...KEYS };
  if (contender !== "peer") return { ...common, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
  return {
    ...common,
    LITESTREAM_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID,
    LITESTREAM_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY,
    LITESTREAM_REPLICA_URL: url,
    LITESTREAM_LOG_LEVEL: "ERROR",
    LITESTREAM_LOG_FILE: path.join(dir, "peer.log"),
    ...(write === true ? { LITESTREAM_WRITE_ENABLED: "true", LITESTREAM_SYNC_INTERVAL: `${syncIntervalMs}ms` } : {}),
    ...(hydrate === true ? { LITESTREAM_HYDRATION_ENABLED: "true", LITESTREAM_HYDRATION_PATH: path.join(dir, "hydrated.db") } : {}),
  };
}
