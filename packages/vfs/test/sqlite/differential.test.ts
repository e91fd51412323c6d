import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { Differential } from "./differential.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";

const seed = testSeed("differential");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const runtime = await SqliteRuntime.load();

describe("random SQL, compared with plain SQLite after every statement", () => {
  for (const pageSize of [512, 1024, 4096, 8192, 65536]) {
    it(`publishes exactly what was committed, pages of ${pageSize} bytes`, async () => {
      const total = { commits: 0, failures: 0 };
      const histories = Math.ceil((pageSize > 8192 ? 2 : 3) * rounds);
      for (let i = 0; i < histories; i += 1) {
        const random = new SeededRandom(seed + i * 7919 + pageSize);
        const file = new MemoryDatabaseFile(pageSize);
        const run = await Differential.start(runtime, { file, publishedBytes: () => file.publishedBytes() }, random.nextU32());
        for (let n = 0; n < 50; n += 1) await run.next();
        expect(run.counts.statements).toBeGreaterThan(40);
        total.commits += run.counts.commits;
        total.failures += run.counts.failures;
        run.close();
      }
      expect(total.commits).toBeGreaterThan(0);
      expect(total.failures).toBeGreaterThan(0);
      expect(runtime.openFiles).toEqual({ files: 0, journals: [] });
    });
  }
});
