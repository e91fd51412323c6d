import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { missingSuites } from "./needs.mjs";
import { RunReporter } from "./run-reporter.mjs";

/**
 * Shared test settings of the package whose folder is the current one. Prints the seed, leaves out (and names) what
 * can't run on this machine, and writes `.reports/` for tooling/ci/count.mjs.
 */
export const tests = (more = {}) => {
  const dir = process.cwd();
  const missing = missingSuites(dir);
  const seed = process.env.HEADWATER_SEED ?? String(Math.floor(Math.random() * 2 ** 32));
  const rounds = process.env.HEADWATER_ROUNDS ?? "1";
  if (!(Number(rounds) > 0)) throw new Error(`HEADWATER_ROUNDS must be a number above 0: ${JSON.stringify(rounds)}`);
  const timeoutMs = 30_000 * Math.max(1, Number(rounds)); // longer tests may take longer
  console.log(`HEADWATER_SEED=${seed} HEADWATER_ROUNDS=${rounds}`);
  for (const { what, how, files } of missing) console.log(`not run: ${files.join(", ")}: needs ${what} (${how})`);
  const reports = path.join(dir, ".reports");
  rmSync(reports, { recursive: true, force: true }); // what an earlier run left must not pass for this one's
  mkdirSync(reports, { recursive: true });
  writeFileSync(path.join(reports, "not-run.json"), `${JSON.stringify(missing, null, 2)}\n`);
  return defineConfig({
    test: {
      include: ["test/**/*.test.ts"],
      exclude: [...configDefaults.exclude, ...missing.flatMap((m) => m.files)],
      passWithNoTests: missing.length > 0,
      reporters: ["default", "json", new RunReporter(path.join(reports, "run.json"))],
      outputFile: { json: ".reports/vitest.json" },
      setupFiles: [path.join(import.meta.dirname, "setup.mjs")],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      pool: "forks",
      maxWorkers: 2,
      ...more,
      env: { HEADWATER_SEED: seed, HEADWATER_ROUNDS: rounds, ...more.env },
    },
  });
};
