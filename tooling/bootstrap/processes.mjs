import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * Runs a command to its end, passing on the signals that end this process.
 *
 * @param {{ file: string, args: readonly string[], shell?: boolean }} command
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<{ code: number, signal?: NodeJS.Signals }>} `code` is 1 where it can't be started
 */
export function runToEnd(command, options) {
  return new Promise((resolve) => {
    const child = spawn(command.file, command.args, { ...options, shell: command.shell ?? false });
    // A terminal sends Ctrl-C to the child as well: wait for what it makes of it.
    const onInterrupt = () => {};
    const onTerminate = () => child.kill("SIGTERM");
    process.on("SIGINT", onInterrupt);
    process.on("SIGTERM", onTerminate);
    const done = (result) => {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
      resolve(result);
    };
    child.once("error", (error) => {
      console.error(`${command.file}: ${error.message}`);
      done({ code: 1 });
    });
    child.once("close", (code, signal) => done(signal === null ? { code: code ?? 1 } : { code: 1, signal }));
  });
}

/** Ends this process as the child ended: by the same signal, or with its status. */
export function endLike({ code, signal }) {
  if (signal !== undefined) process.kill(process.pid, signal);
  return code;
}

/**
 * Runs a command as one line of output: its name, whether it worked, and how long it took. Its own output goes to
 * `.reports/<name>.log`, and is shown whole when it failed.
 */
export async function step(name, command, { root, env, quiet = false }) {
  const log = path.join(root, ".reports", `${name}.log`);
  mkdirSync(path.dirname(log), { recursive: true });
  const startedAt = performance.now();
  const live = process.stdout.isTTY && !quiet;
  if (live) process.stdout.write(`     ${name} ...`);
  const out = openSync(log, "w");
  const result = await runToEnd(command, { cwd: root, env, stdio: ["ignore", out, out], windowsHide: true });
  closeSync(out);
  const ok = result.code === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const line = `${ok ? "ok  " : "FAIL"} ${name.padEnd(10)} ${seconds.padStart(6)} s`;
  if (!quiet || !ok) console.log(live ? `\r${line}` : line);
  if (!ok) {
    console.log(readFileSync(log, "utf8"));
    console.log(`${name} failed${result.signal ? ` (${result.signal})` : ""}: ${[command.file, ...command.args].join(" ")}`);
  }
  return ok;
}
