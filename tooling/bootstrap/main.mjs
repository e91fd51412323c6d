import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readReports, removeReports, testedPackages } from "../ci/reports.mjs";
import { pnpmCommand, pnpmVersion } from "./pnpm.mjs";
import { endLike, runToEnd, step } from "./processes.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const USAGE = "usage: node tooling/bootstrap.mjs demo|test|prove|bench|setup|pnpm [arguments]";

const DEMO = { name: "@headwater/example", folder: "apps/example", entry: "apps/example/dist/demo.js" };
const PROVE = { name: "@headwater/chaos", folder: "apps/chaos", entry: "apps/chaos/dist/prove.js" };
const BENCH = { name: "@headwater/bench", folder: "apps/bench", entry: "apps/bench/dist/main.js" };
/** The workspace's root, which holds the build tools. */
const ROOT_PACKAGE = "headwater-workspace";

/** @returns {Promise<number>} the exit status */
export async function run([mode, ...args]) {
  const commands = { demo, test, prove, bench, setup, pnpm };
  if (!Object.hasOwn(commands, mode ?? "")) {
    console.error(USAGE);
    return 2;
  }
  return await commands[mode](args);
}

const demo = (args) => runApp(DEMO, args);
const prove = (args) => runApp(PROVE, args);
const bench = (args) => runApp(BENCH, args);

/** Installs and builds no more than an app needs, and runs it. */
async function runApp(app, args) {
  if (!existsSync(path.join(ROOT, app.folder, "package.json"))) {
    console.error(`${app.folder} is not in this checkout`);
    return 1;
  }
  const filters = [`--filter=${app.name}...`, `--filter=${ROOT_PACKAGE}`];
  if (!(await install(filters)) || !(await build([`--filter=${app.name}`]))) return 1;
  const result = await runToEnd({ file: process.execPath, args: [path.join(ROOT, app.entry), ...args] }, { stdio: "inherit" });
  return endLike(result);
}

async function setup(args) {
  return (await install([])) && (await build(args)) ? 0 : 1;
}

async function test(args) {
  if (!(await install([])) || !(await build([]))) return 1;
  removeReports(ROOT);
  const ok = await turbo("test", ["test", "--continue", ...args]);
  const reports = testedPackages(ROOT)
    .map((name) => readReports(ROOT, name))
    .filter((report) => report.passed + report.failed > 0 || report.notRun.length > 0);
  for (const { name, passed, failed, notRun } of reports) {
    console.log(`     ${name.padEnd(22)} ${passed} passed${failed > 0 ? `, ${failed} FAILED` : ""}`);
    for (const { files, what, how } of notRun)
      console.log(`     ${" ".repeat(22)} not run: ${files.join(", ")}\n       needs ${what}: ${how}`);
  }
  return ok ? 0 : 1;
}

async function pnpm(args) {
  const command = await workspacePnpm();
  return endLike(await runToEnd({ ...command, args: [...command.args, ...args] }, { cwd: ROOT, env: environment(), stdio: "inherit" }));
}

async function install(filters) {
  // Never asks: there may be no terminal.
  const flags = ["--frozen-lockfile", "--prefer-offline", "--config.confirmModulesPurge=false"];
  return await pnpmStep("install", [...filters, "install", ...flags]);
}

const build = (args) => turbo("build", ["build", ...args]);

const turbo = (name, args) => pnpmStep(name, ["exec", "turbo", "run", ...args, "--output-logs=errors-only"]);

async function pnpmStep(name, args) {
  const command = await workspacePnpm();
  return await step(name, { ...command, args: [...command.args, ...args] }, { root: ROOT, env: environment() });
}

let found;
/** Finds pnpm once. The first call through npx fetches it, which is a step of its own. */
async function workspacePnpm() {
  if (found !== undefined) return found;
  const command = pnpmCommand(pnpmVersion(ROOT));
  if (command.args.length > 0) {
    const fetched = await step("pnpm", { ...command, args: [...command.args, "--version"] }, { root: ROOT, env: environment() });
    if (!fetched) throw new Error("pnpm can't be had; install it by hand (npm install --global pnpm) and try again");
  }
  found = command;
  return found;
}

function environment() {
  // Where Node's headers are installed, native packages need not download them.
  const headers = process.platform !== "win32" && existsSync("/usr/include/node/node.h") ? { npm_config_nodedir: "/usr" } : {};
  const colours = process.stdout.isTTY ? {} : { NO_COLOR: "1" };
  return { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_NO_UPDATE_NOTIFIER: "1", ...headers, ...colours, ...process.env };
}
