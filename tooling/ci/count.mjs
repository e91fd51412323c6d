import path from "node:path";
import { fileURLToPath } from "node:url";
import { readReports, removeReports, testedPackages } from "./reports.mjs";

// Adds up the test reports of all packages. Whatever should have been tested and was not counts as failed, by name.
//   node tooling/ci/count.mjs --clean            before the tests: removes old reports
//   node tooling/ci/count.mjs [--failed STEP]... after them; a STEP that failed beside the tests counts as one failure,
//                                                and the step "tests" only where no failure was found in the reports

/**
 * A suite that runs on several backends is named `<suite>: <backend>` by its outermost describe. These must be there
 * with at least as many passed tests as on memory; any other backend of a suite that also runs on memory must as well.
 *
 * @type {readonly string[]}
 */
export const REQUIRED_SUITES = ["ObjectStore: file", "ObjectStore: s3"];

/**
 * Everything that counts, over all packages. `required` lists suites as `<suite>: <backend>`.
 *
 * @param {string} root
 * @param {{ failedSteps?: readonly string[], required?: readonly string[] }} options
 */
export function count(root, { failedSteps = [], required = REQUIRED_SUITES } = {}) {
  const packages = testedPackages(root).map((name) => readReports(root, name));
  const lines = packages.flatMap((p) => [
    ...p.failures.map((text) => `FAILED ${p.name}: ${text}`),
    ...p.problems.map((text) => `FAILED ${p.name}: ${text}`),
    ...p.notRun.map(({ files, what }) => `FAILED ${p.name}: not run: ${files.join(", ")}: needs ${what}`),
  ]);
  lines.push(...compareBackends(packages, required).map((text) => `FAILED ${text}`));
  lines.push(...failedSteps.filter((step) => step !== "tests" || lines.length === 0).map((step) => `FAILED ${step}`));
  if (packages.length === 0) lines.push("FAILED no package with tests was found");
  return { packages, lines, passed: packages.reduce((sum, p) => sum + p.passed, 0), failed: lines.length };
}

function compareBackends(packages, required) {
  const suites = new Map();
  for (const p of packages) for (const [name, tests] of p.suites) suites.set(name, (suites.get(name) ?? 0) + tests);
  const names = new Set([...required, ...suites.keys()]);
  return [...names].flatMap((name) => {
    const [, suite, backend] = /^(.+): ([^:]+)$/.exec(name) ?? [];
    if (backend === undefined || backend === "memory") return [];
    const ran = suites.get(name) ?? 0;
    const wanted = suites.get(`${suite}: memory`) ?? (required.includes(name) ? 1 : 0);
    return ran < wanted ? [`suite "${name}" ran ${ran} tests, and ${wanted} on memory`] : [];
  });
}

function main(args) {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
  if (args.includes("--clean")) {
    removeReports(root);
    return 0;
  }
  const failedSteps = args.flatMap((arg, i) => (args[i - 1] === "--failed" ? [arg] : []));
  const { packages, lines, passed, failed } = count(root, { failedSteps });
  const width = Math.max(...packages.map((p) => p.name.length));
  for (const p of packages) console.log(`  ${p.name.padEnd(width)}  ${String(p.passed).padStart(5)} passed`);
  for (const line of lines) console.log(line);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
