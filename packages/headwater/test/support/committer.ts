import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./committer.mjs", import.meta.url));

/**
 * Runs a process that commits for ever, syncing every `intervalMs`, and kills it with SIGKILL once `commits` of its commits
 * were acknowledged. Resolves to the last acknowledged one; there may be more, unless `limit` says how many it makes.
 */
export async function commitAndKill(
  url: string,
  buffer: string,
  intervalMs: number,
  commits: number,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  const args = [script, url, buffer, String(intervalMs), String(limit)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let last = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    seen += 1;
    if (seen === commits) child.kill("SIGKILL");
  }
  await exited;
  return last;
}

/** Leaves a buffer with so many commits that were never synced. */
export function commitWithoutSync(url: string, buffer: string, commits = 1): Promise<number> {
  return commitAndKill(url, buffer, 0, commits, commits);
}
