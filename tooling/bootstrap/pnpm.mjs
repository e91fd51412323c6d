import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const WINDOWS = process.platform === "win32";

/** The version that package.json names. */
export function pnpmVersion(root) {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const version = /^pnpm@(\d+\.\d+\.\d+)/.exec(packageManager)?.[1];
  if (version === undefined) throw new Error(`package.json: packageManager is ${packageManager}, expected pnpm@x.y.z`);
  return version;
}

/** How to run exactly that pnpm here: the one on PATH if it is that version, else through npx. */
export function pnpmCommand(version) {
  if (versionOnPath() === version) return { file: "pnpm", args: [], shell: WINDOWS };
  const args = ["--yes", `pnpm@${version}`];
  const npx = npxScript();
  return npx === undefined ? { file: "npx", args, shell: WINDOWS } : { file: process.execPath, args: [npx, ...args] };
}

/** Asked outside of the workspace: inside, some versions of pnpm and corepack would fetch another one to answer. */
function versionOnPath() {
  const env = { ...process.env, COREPACK_ENABLE_DOWNLOAD_PROMPT: "0", COREPACK_ENABLE_PROJECT_SPEC: "0" };
  const { status, stdout } = spawnSync("pnpm", ["--version"], {
    cwd: os.tmpdir(),
    env,
    encoding: "utf8",
    shell: WINDOWS,
    timeout: 20_000,
    stdio: ["ignore", "pipe", "ignore"],
    windowsHide: true,
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** npx as a script for this Node: it needs no shell, whose quoting differs between systems. */
function npxScript() {
  const bin = path.dirname(process.execPath);
  const npm = process.env.npm_execpath;
  const places = [
    ...(npm === undefined ? [] : [path.join(path.dirname(npm), "npx-cli.js")]),
    path.join(bin, "node_modules/npm/bin/npx-cli.js"),
    path.join(bin, "../lib/node_modules/npm/bin/npx-cli.js"),
  ];
  return places.find((file) => existsSync(file));
}
