import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pnpmCommand, pnpmVersion } from "../bootstrap/pnpm.mjs";
import { runToEnd, step } from "../bootstrap/processes.mjs";

const bootstrap = path.resolve(import.meta.dirname, "../bootstrap.mjs");
const node = (script: string) => ({ file: process.execPath, args: ["-e", script] });

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), "headwater-bootstrap-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function run(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

/** Runs `step` in a process of its own, so that what it prints can be seen. */
async function runStep(script: string): Promise<{ code: number; output: string }> {
  const processes = JSON.stringify(path.resolve(import.meta.dirname, "../bootstrap/processes.mjs"));
  const main = `
    const { step } = await import(${processes});
    const command = { file: process.execPath, args: ["-e", ${JSON.stringify(script)}] };
    process.exitCode = (await step("work", command, { root: ${JSON.stringify(root)}, env: process.env })) ? 0 : 1;`;
  return await run(["--input-type=module", "-e", main]);
}

describe("bootstrap", () => {
  it("says how to use it, with status 2", async () => {
    for (const args of [[], ["tset"], ["constructor"]]) {
      const { code, output } = await run([bootstrap, ...args]);
      expect(code).toBe(2);
      expect(output).toContain("usage:");
    }
  });

  it("refuses an old Node with both versions in the message", async () => {
    const old = 'Object.defineProperty(process.versions, "node", { value: "20.18.3" }); process.argv.splice(1, 0, "x");';
    writeFileSync(path.join(root, "old.mjs"), old);
    const { code, output } = await run(["--import", `file://${path.join(root, "old.mjs")}`, bootstrap, "setup"]);
    expect(code).toBe(1);
    expect(output).toMatch(/needs Node 20\.19 or newer; this is Node 20\.18\.3/);
  });

  it("uses syntax that old versions of Node can read", () => {
    const text = readFileSync(bootstrap, "utf8");
    expect(text).not.toMatch(/\?\.|\?\?|^(const|let) |^await|`|^import [^(]/m);
  });
});

describe("the workspace's pnpm", () => {
  it("is the version in package.json", () => {
    expect(pnpmVersion(path.resolve(import.meta.dirname, "../.."))).toMatch(/^\d+\.\d+\.\d+$/);
    writeFileSync(path.join(root, "package.json"), '{"packageManager":"yarn@1.0.0"}');
    expect(() => pnpmVersion(root)).toThrow(/yarn/);
  });

  it("comes through npx where the one on PATH is another", () => {
    const { args } = pnpmCommand("0.0.1");
    expect(args.slice(-2)).toEqual(["--yes", "pnpm@0.0.1"]);
  });
});

describe("step", () => {
  it("is one line when it works", async () => {
    const { code, output } = await runStep('console.log("noise")');
    expect(code).toBe(0);
    expect(output).toMatch(/^ok {3}work +\d+\.\d s\n$/);
    expect(readFileSync(path.join(root, ".reports/work.log"), "utf8")).toBe("noise\n");
  });

  it("shows its log when it fails", async () => {
    const { code, output } = await runStep('console.log("out"); console.error("err"); process.exitCode = 7');
    expect(code).toBe(1);
    expect(output).toMatch(/^FAIL work/);
    expect(output).toContain("out\nerr\n");
  });

  it("fails where the program is not there", async () => {
    expect(await step("missing", { file: path.join(root, "none"), args: [] }, { root, env: {}, quiet: true })).toBe(false);
  });
});

describe("runToEnd", () => {
  it("gives the status and the signal of the child", async () => {
    expect(await runToEnd(node("process.exitCode = 3"), {})).toEqual({ code: 3 });
    expect(await runToEnd(node('process.kill(process.pid, "SIGKILL")'), {})).toEqual({ code: 1, signal: "SIGKILL" });
  });

  it("passes SIGTERM on, waits, and ends as the child did", async () => {
    const processes = path.resolve(import.meta.dirname, "../bootstrap/processes.mjs");
    mkdirSync(root, { recursive: true });
    const child =
      'process.on("SIGTERM", () => { console.log("saved"); process.exit(5); }); setInterval(() => {}, 1000); console.log("ready");';
    const main = `
      const { endLike, runToEnd } = await import(${JSON.stringify(processes)});
      process.exitCode = endLike(await runToEnd({ file: process.execPath, args: ["-e", ${JSON.stringify(child)}] }, { stdio: "inherit" }));`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", main], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    parent.stdout.on("data", (chunk) => {
      const before = output;
      output += String(chunk);
      if (!before.includes("ready") && output.includes("ready")) parent.kill("SIGTERM");
    });
    const code = await new Promise((resolve) => parent.once("close", resolve));
    expect(output).toBe("ready\nsaved\n");
    expect(code).toBe(5);
  });
});
