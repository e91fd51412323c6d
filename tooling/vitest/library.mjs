import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { missingSuites } from "./needs.mjs";

/**
 * Shared test settings of the package whose folder is the current one. Prints the seed, leaves out (and names) what
 * can't run on this machine, and writes `.reports/vitest.json` and `.reports/not-run.json` for tooling/ci/count.mjs.
 */
export const tests = (more = {}) => {
  const dir = process.cwd();
  const missing = missingSuites(dir);
  const seed = process.env.HEADWATER_SEED ?? String(Math.floor(Math.random() * 2 ** 32));
  const rounds = process.env.HEADWATER_ROUNDS ?? "1";
  console.log(`HEADWATER_SEED=${seed} HEADWATER_ROUNDS=${rounds}`);
  for (const { what, how, files } of missing) console.log(`not run: ${files.join(", ")}: needs ${what} (${how})`);
  mkdirSync(path.join(dir, ".reports"), { recursive: true });
  writeFileSync(path.join(dir, ".reports", "not-run.json"), `${JSON.stringify(missing, null, 2)}\n`);
  return defineConfig({
    test: {
      include: ["test/**/*.test.ts"],
      exclude: [...configDefaults.exclude, ...missing.flatMap((m) => m.files)],
      passWithNoTests: missing.length > 0,
      reporters: ["default", "json"],
      outputFile: { json: ".reports/vitest.json" },
      testTimeout: 30_000,
      hookTimeout: 30_000,
      pool: "forks",
      maxWorkers: 2,
      ...more,
      env: { HEADWATER_SEED: seed, HEADWATER_ROUNDS: rounds, ...more.env },
    },
  });
};
