import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

// One package's test run, as three files that the shared vitest settings write into its .reports/:
// vitest.json (vitest's own report), run.json (errors outside of tests), not-run.json (suites left out, and why).

/** Folders of the packages whose tests count: those in packages/ and apps/ with sources, and tooling. Relative to `root`. */
export function testedPackages(root) {
  const groups = ["packages", "apps"].flatMap((group) => {
    const dir = path.join(root, group);
    return existsSync(dir) ? readdirSync(dir).map((name) => `${group}/${name}`) : [];
  });
  const sources = groups.filter((name) => existsSync(path.join(root, name, "src")));
  return [...sources, ...(existsSync(path.join(root, "tooling/test")) ? ["tooling"] : [])].sort();
}

/** Removes what an earlier run left, so that it can't be taken for this one's. */
export function removeReports(root) {
  for (const name of testedPackages(root)) rmSync(path.join(root, name, ".reports"), { recursive: true, force: true });
}

/**
 * Reads one package's reports.
 *
 * @returns `passed` and `failed` as numbers of tests; `problems`, one sentence each, for everything else that is wrong;
 *   `suites`, how many tests passed under each outermost describe; `notRun`, the entries of not-run.json.
 */
export function readReports(root, name) {
  const dir = path.join(root, name);
  const found = { name, passed: 0, failed: 0, failures: [], problems: [], suites: new Map(), notRun: [] };
  const notRun = readJson(path.join(dir, ".reports/not-run.json"));
  if (Array.isArray(notRun)) found.notRun = notRun;
  const report = readJson(path.join(dir, ".reports/vitest.json"));
  if (!Array.isArray(report?.testResults)) {
    found.problems.push("no test report");
    return found;
  }
  for (const file of report.testResults) readFile(found, dir, file);
  if (found.passed + found.failed === 0) found.problems.push("no tests");
  if (found.failed === 0 && found.problems.length === 0 && report.success !== true)
    found.problems.push("the report says that the run failed");
  readRun(found, readJson(path.join(dir, ".reports/run.json")));
  const seen = new Set([...report.testResults.map((file) => relative(dir, file.name)), ...found.notRun.flatMap((entry) => entry.files)]);
  for (const file of testFiles(dir)) if (!seen.has(file)) found.problems.push(`${file} was not run`);
  return found;
}

function readFile(found, dir, file) {
  const name = relative(dir, file.name);
  const tests = file.assertionResults ?? [];
  let failed = 0;
  for (const test of tests) {
    if (test.status === "passed") {
      found.passed += 1;
      const suite = test.ancestorTitles?.[0];
      if (suite !== undefined) found.suites.set(suite, (found.suites.get(suite) ?? 0) + 1);
    } else if (test.status === "failed") {
      failed += 1;
      found.failures.push(`${name}: ${test.fullName}`);
    } else found.problems.push(`${name}: ${test.fullName}: ${test.status}`);
  }
  found.failed += failed;
  if (tests.length === 0) found.problems.push(`${name}: no tests${file.message ? ` (${firstLine(file.message)})` : ""}`);
  else if (file.status !== "passed" && failed === 0)
    found.problems.push(`${name}: ${firstLine(file.message) || "failed outside of a test"}`);
}

function readRun(found, run) {
  if (run === undefined) found.problems.push("the run did not come to its end");
  else for (const error of run.unhandledErrors ?? []) found.problems.push(`unhandled error: ${firstLine(error)}`);
}

/** Every file that looks like a test, so that one which the settings don't match is noticed. */
function testFiles(dir) {
  return ["test", "src"].flatMap((folder) => {
    if (!existsSync(path.join(dir, folder))) return [];
    return readdirSync(path.join(dir, folder), { recursive: true })
      .map((file) => `${folder}/${String(file).split(path.sep).join("/")}`)
      .filter((file) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(file) && !file.includes("node_modules"));
  });
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // missing or cut short: the caller says so
  }
}

const relative = (dir, file) => path.relative(dir, file).split(path.sep).join("/");
const firstLine = (text) => String(text ?? "").split("\n", 1)[0];
