import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { count } from "../ci/count.mjs";

// The other tests of the counter write reports by hand; here vitest itself writes them, so that a version of it that
// reports in another way is noticed.

const here = import.meta.dirname;
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");

let root: string;
beforeEach(() => {
  mkdirSync(path.join(here, "../.reports"), { recursive: true });
  root = mkdtempSync(path.join(here, "../.reports/fixture-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Runs vitest with the shared settings on these test files, and counts. */
async function run(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): Promise<ReturnType<typeof count>> {
  const dir = path.join(root, "packages/x");
  mkdirSync(path.join(dir, "src"), { recursive: true });
  mkdirSync(path.join(dir, "test"), { recursive: true });
  writeFileSync(path.join(dir, "package.json"), '{"type":"module"}');
  writeFileSync(path.join(dir, "vitest.config.js"), 'import { tests } from "../../../../vitest/library.mjs";\nexport default tests();\n');
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(dir, "test", name), `import { afterAll, describe, expect, it } from "vitest";\n${text}\n`);
  }
  const { VITEST: _1, VITEST_MODE: _2, VITEST_POOL_ID: _3, VITEST_WORKER_ID: _4, HEADWATER_TEST_S3_URL: _5, ...rest } = process.env;
  await new Promise<void>((resolve) => {
    execFile(process.execPath, [vitest, "run"], { cwd: dir, env: { ...rest, ...env } }, () => resolve());
  });
  return count(root, { required: [] });
}

describe("reports that vitest writes", () => {
  it("are understood where all is well", async () => {
    const result = await run({ "a.test.ts": 'describe("Store: memory", () => { it("works", () => {}); it("too", () => {}); });' });
    expect(result).toMatchObject({ passed: 2, failed: 0, lines: [] });
    expect(result.packages[0]?.suites.get("Store: memory")).toBe(2);
  });

  it("are understood where it is not", async () => {
    const result = await run({
      "after-all.test.ts": 'afterAll(() => { throw new Error("left open"); });\nit("works", () => {});',
      "cases.test.ts":
        'it("fails", () => { expect(1).toBe(2); });\nit.skip("skips", () => {});\nit.todo("later");\nit("skips itself", (t) => { t.skip(); });',
      "empty.test.ts": "",
      "no-load.test.ts": 'import "./missing.js";\nit("never", () => {});',
      "unhandled.test.ts": 'it("rejects", () => { void Promise.reject(new Error("nobody looked")); });',
      "needs.s3.test.ts": 'it("never", () => {});',
    });
    const text = result.lines.join("\n");
    expect(text).toContain("after-all.test.ts: left open");
    expect(text).toContain("FAILED packages/x: test/cases.test.ts: fails");
    expect(text).toContain("cases.test.ts: skips: skipped");
    expect(text).toContain("cases.test.ts: later: todo");
    expect(text).toContain("cases.test.ts: skips itself: skipped");
    expect(text).toContain("empty.test.ts: no tests");
    expect(text).toContain("no-load.test.ts: no tests");
    expect(text).toContain("unhandled error: nobody looked");
    expect(text).toContain("not run: test/needs.s3.test.ts: needs an S3 server");
    expect(result).toMatchObject({ passed: 2, failed: 9 });
  });

  it("show a test process that died", async () => {
    const result = await run({
      "dies.test.ts": 'it("dies", () => { process.kill(process.pid, "SIGKILL"); });',
      "b.test.ts": 'it("works", () => {});',
    });
    expect(result.failed).toBeGreaterThan(0);
    expect(result.lines.join("\n")).toContain("packages/x");
  });
});
