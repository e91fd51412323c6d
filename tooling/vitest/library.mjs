import { defineConfig } from "vitest/config";

/** Shared test settings: a JSON report beside each package for .ci/run to count. */
export const tests = (more = {}) =>
  defineConfig({
    test: {
      include: ["test/**/*.test.ts"],
      reporters: ["default", "json"],
      outputFile: { json: ".reports/vitest.json" },
      testTimeout: 30_000,
      hookTimeout: 30_000,
      pool: "forks",
      maxWorkers: 2,
      ...more,
    },
  });
