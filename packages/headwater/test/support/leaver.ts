import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Options } from "../../src/index.js";

const script = fileURLToPath(new URL("./leaver.mjs", import.meta.url));

export interface Leaving {
  readonly url: string;
  readonly options: Options;
  /** A way to end that support/leaver.mjs knows. */
  readonly how: string;
  readonly api?: "sync" | "async";
  /** Sent once it is ready. */
  readonly signal?: "SIGTERM" | "SIGINT" | "SIGKILL";
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Left {
  readonly status: number | null;
  readonly signal: string | null;
  readonly tookMs: number;
}

/** Runs a process that commits and leaves without close(). */
export async function leave({ env = {}, signal, rows = 5, ...rest }: Leaving): Promise<Left> {
  const child = spawn(process.execPath, [script, JSON.stringify({ rows, ...rest })], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const exited = once(child, "exit") as Promise<[number | null, string | null]>;
  await Promise.race([once(child.stdout, "data"), exited]);
  const start = performance.now();
  if (signal !== undefined) child.kill(signal);
  const [status, by] = await exited;
  return { status, signal: by, tookMs: performance.now() - start };
}
