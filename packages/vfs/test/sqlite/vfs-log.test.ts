import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { SqliteRuntime } from "../../src/sqlite/index.js";
import { describeVfs } from "./describe-vfs.js";
import { Differential } from "./differential.js";
import { LogDatabaseFile } from "./log-database-file.js";

const seed = testSeed("vfs-log");
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const runtime = await SqliteRuntime.load();

describeVfs({
  name: "the commit log",
  create(pageSize) {
    const file = new LogDatabaseFile(pageSize, seed);
    return { file, publishedBytes: () => file.publishedBytes() };
  },
});

describe("random SQL over the commit log, while views are adopted at any call", () => {
  for (const pageSize of [512, 4096]) {
    it(`publishes exactly what was committed, pages of ${pageSize} bytes`, async () => {
      let adoptions = 0;
      for (let i = 0; i < Math.ceil(2 * rounds); i += 1) {
        const random = new SeededRandom(seed + i * 7919 + pageSize);
        const file = new LogDatabaseFile(pageSize, random.nextU32(), { segmentBytes: 64 * 1024 });
        const run = await Differential.start(runtime, { file, publishedBytes: () => file.publishedBytes() }, random.nextU32());
        for (let n = 0; n < 60; n += 1) await run.next();
        adoptions += file.adoptions;
        run.close();
      }
      expect(adoptions).toBeGreaterThan(0);
    });
  }

  for (const kind of ["write", "sync"] as const) {
    it(`goes on after a ${kind} of the log that fails`, async () => {
      for (let i = 0; i < Math.ceil(rounds); i += 1) {
        const random = new SeededRandom(seed + i * 104_729);
        const file = new LogDatabaseFile(512, random.nextU32(), { memoryPagesMax: random.pick([1, 4, 32768]), segmentBytes: 32 * 1024 });
        const run = await Differential.start(runtime, { file, publishedBytes: () => file.publishedBytes() }, random.nextU32());
        const faulty = async (sql: string, nth: number): Promise<void> => {
          file.fs.failNext(kind, nth);
          await run.stepWithFault(kind, sql, (error) => {
            file.fs.failNext("any", Number.POSITIVE_INFINITY);
            return error instanceof Error && (error as { code?: string }).code === "BUFFER_UNWRITABLE";
          });
        };
        run.db.exec("pragma synchronous=full");
        await faulty("insert into t0(b) values ('first')", 1);
        expect(run.counts.faults).toBe(1);
        for (let n = 0; n < 50; n += 1) {
          if (random.chance(0.5)) {
            if (random.chance(0.2)) run.setting();
            await run.step(run.nextSql());
            continue;
          }
          const sql = random.chance(0.4) ? `insert or replace into t0(a, b) values (${n}, 'n${n}')` : run.nextSql();
          await faulty(sql, 1 + random.below(4));
        }
        run.close();
      }
    });
  }
});
