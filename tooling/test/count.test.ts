import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { count } from "../ci/count.mjs";
import { removeReports, testedPackages } from "../ci/reports.mjs";

interface Case {
  readonly status?: string;
  readonly suite?: string;
}
interface Reports {
  /** Test files on disk and in the report, with their cases. */
  readonly files?: Readonly<Record<string, readonly Case[]>>;
  readonly unhandledErrors?: readonly string[];
  readonly notRun?: readonly unknown[];
  /** Reports to leave out, as a run does that was cut off. */
  readonly without?: readonly string[];
  /** More properties of vitest's report, and of each file in it. */
  readonly report?: object;
  readonly file?: object;
}

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), "headwater-count-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(name: string, content: unknown): void {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
}

const passed = (n: number, suite = "one"): Case[] => Array.from({ length: n }, () => ({ status: "passed", suite }));

/** Writes a package with sources, test files and the reports of one run of them. */
function pack(
  name: string,
  { files = { "test/a.test.ts": passed(2) }, unhandledErrors = [], notRun = [], without = [], ...more }: Reports,
): void {
  write(`${name}/src/index.ts`, "");
  const testResults = Object.entries(files).map(([file, cases]) => {
    write(`${name}/${file}`, "");
    const assertionResults = cases.map(({ status = "passed", suite = "one" }, i) => ({
      status,
      ancestorTitles: [suite],
      fullName: `${suite} case ${i}`,
    }));
    const bad = cases.some((c) => c.status === "failed");
    return { name: path.join(root, name, file), status: bad ? "failed" : "passed", message: "", assertionResults, ...more.file };
  });
  const reports: Record<string, unknown> = {
    "vitest.json": { success: testResults.every((r) => r.status === "passed"), testResults, ...more.report },
    "run.json": { reason: "passed", unhandledErrors },
    "not-run.json": notRun,
  };
  for (const [file, content] of Object.entries(reports)) if (!without.includes(file)) write(`${name}/.reports/${file}`, content);
}

/** What the counter says of one package with these reports. */
function verdict(reports: Reports): { passed: number; failed: number; lines: string[] } {
  pack("packages/x", reports);
  const { passed, failed, lines } = count(root, { required: [] });
  return { passed, failed, lines };
}

describe("counter", () => {
  it("adds up the packages with sources, and tooling", () => {
    pack("packages/a", { files: { "test/a.test.ts": passed(2), "test/deep/b.test.ts": passed(3) } });
    pack("apps/b", { files: { "test/b.test.ts": passed(4) } });
    write("packages/no-sources/package.json", "{}");
    write("tooling/test/t.test.ts", "");
    expect(testedPackages(root)).toEqual(["apps/b", "packages/a", "tooling"]);
    rmSync(path.join(root, "tooling"), { recursive: true });
    expect(count(root, { required: [] })).toMatchObject({ passed: 9, failed: 0, lines: [] });
  });

  it("counts and names failed tests", () => {
    const cases = [...passed(2), { status: "failed" }];
    expect(verdict({ files: { "test/a.test.ts": cases } })).toEqual({
      passed: 2,
      failed: 1,
      lines: ["FAILED packages/x: test/a.test.ts: one case 2"],
    });
    expect(count(root, { failedSteps: ["tests"], required: [] }).failed).toBe(1);
  });

  it("counts a missing report, and one that was cut short", () => {
    expect(verdict({ without: ["vitest.json", "run.json"] })).toMatchObject({ passed: 0, failed: 1 });
    write("packages/x/.reports/vitest.json", '{"testResults": [{"name": ');
    expect(count(root, { required: [] }).lines).toEqual(["FAILED packages/x: no test report"]);
  });

  it("counts a package with sources and without a folder of reports", () => {
    write("packages/x/src/index.ts", "");
    expect(count(root, { required: [] }).lines).toEqual(["FAILED packages/x: no test report"]);
  });

  it.each([
    ["a package", { files: {} }, "no tests"],
    ["a file", { files: { "test/a.test.ts": passed(1), "test/b.test.ts": [] } }, "test/b.test.ts: no tests"],
  ])("counts %s without tests", (_what, reports, text) => {
    expect(verdict(reports).lines).toEqual([`FAILED packages/x: ${text}`]);
  });

  it.each(["skipped", "todo", "pending", "disabled"])("counts a test that is %s", (status) => {
    expect(verdict({ files: { "test/a.test.ts": [...passed(1), { status }] } })).toEqual({
      passed: 1,
      failed: 1,
      lines: [`FAILED packages/x: test/a.test.ts: one case 1: ${status}`],
    });
  });

  it("counts each unhandled error", () => {
    expect(verdict({ unhandledErrors: ["boom\nat line 1", "bang"] })).toEqual({
      passed: 2,
      failed: 2,
      lines: ["FAILED packages/x: unhandled error: boom", "FAILED packages/x: unhandled error: bang"],
    });
  });

  it("counts a run that did not come to its end", () => {
    expect(verdict({ without: ["run.json"] }).lines).toEqual(["FAILED packages/x: the run did not come to its end"]);
  });

  it("counts a failure outside of any test", () => {
    const file = { status: "failed", message: "afterAll threw\nsomewhere" };
    expect(verdict({ file, report: { success: false } }).lines).toEqual(["FAILED packages/x: test/a.test.ts: afterAll threw"]);
    expect(verdict({ report: { success: false } }).lines).toEqual(["FAILED packages/x: the report says that the run failed"]);
  });

  it("counts a test file that no run matched", () => {
    write("packages/x/test/forgotten.spec.ts", "");
    write("packages/x/src/inside.test.ts", "");
    expect(verdict({}).lines.sort()).toEqual([
      "FAILED packages/x: src/inside.test.ts was not run",
      "FAILED packages/x: test/forgotten.spec.ts was not run",
    ]);
  });

  it("counts suites that were left out, once", () => {
    write("packages/x/test/a.s3.test.ts", "");
    expect(verdict({ notRun: [{ need: "s3", what: "an S3 server", files: ["test/a.s3.test.ts"] }] }).lines).toEqual([
      "FAILED packages/x: not run: test/a.s3.test.ts: needs an S3 server",
    ]);
  });

  it("counts a step that failed beside the tests, and a workspace without packages", () => {
    pack("packages/x", {});
    expect(count(root, { failedSteps: ["lint"], required: [] })).toMatchObject({ passed: 2, failed: 1, lines: ["FAILED lint"] });
    expect(count(root, { failedSteps: ["tests"], required: [] }).lines).toEqual(["FAILED tests"]);
    rmSync(path.join(root, "packages"), { recursive: true });
    expect(count(root, { required: [] })).toMatchObject({ passed: 0, failed: 1 });
  });
});

describe("backends of one suite", () => {
  const memory = { "test/memory.test.ts": passed(3, "Store: memory") };

  it("are counted when one runs fewer tests than memory, also in another package", () => {
    pack("packages/a", { files: { ...memory, "test/s3.s3.test.ts": passed(2, "Store: s3") } });
    expect(count(root, { required: [] }).lines).toEqual(['FAILED suite "Store: s3" ran 2 tests, and 3 on memory']);
    pack("packages/b", { files: { "test/s3.s3.test.ts": passed(1, "Store: s3") } });
    expect(count(root, { required: [] }).lines).toEqual([]);
  });

  it("are counted when a required one is gone", () => {
    pack("packages/a", { files: memory });
    expect(count(root, { required: ["Store: s3"] }).lines).toEqual(['FAILED suite "Store: s3" ran 0 tests, and 3 on memory']);
    rmSync(path.join(root, "packages/a"), { recursive: true });
    pack("packages/a", {});
    expect(count(root, { required: ["Peer: s3"] }).lines).toEqual(['FAILED suite "Peer: s3" ran 0 tests, and 1 on memory']);
  });
});

describe("old reports", () => {
  it("are removed before a run", () => {
    pack("packages/a", {});
    expect(count(root, { required: [] }).failed).toBe(0);
    removeReports(root);
    expect(count(root, { required: [] }).lines).toEqual(["FAILED packages/a: no test report"]);
  });
});
