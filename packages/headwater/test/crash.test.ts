import { rmSync } from "node:fs";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { open } from "../src/index.js";
import { commitAndKill, commitWithoutSync } from "./support/committer.js";
import { scratch } from "./support/scratch.js";

const random = new SeededRandom(testSeed("crash"));
const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
describe("kill -9", () => {
  it("loses nothing that was acknowledged, and nothing is there twice", async () => {
    const { url, dir, writer } = scratch();
    const buffer = path.join(dir, "buffer");
    let last = 0;
    for (let round = 0; round < Math.ceil(4 * rounds); round += 1) {
      last = await commitAndKill(url, buffer, random.pick([0, 1, 20]), 1 + random.below(150));
      await using db = await open(url, writer());
      const { n, top } = (await db.get<{ n: number; top: number }>("select count(*) as n, max(n) as top from t")) ?? { n: 0, top: 0 };
      expect(n).toBe(top);
      expect(top).toBeGreaterThanOrEqual(last);
      await db.close();
      await using reader = await open(url);
      expect(await reader.get("select count(*) as n from t")).toEqual({ n });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    }
  });

  it("sets commits aside when the replica moved on, says where, and opens", async () => {
    const { url, dir, writer } = scratch();
    const buffer = path.join(dir, "buffer");
    {
      await using db = await open(url, writer());
      await db.exec("create table t (n integer primary key, b text)");
    }
    await commitWithoutSync(url, buffer, 5);
    {
      await using other = await open(url, writer({ buffer: { path: path.join(dir, "other") } }));
      await other.run("insert into t values (1000, 'other')");
    }
    await using db = await open(url, writer());
    expect(await db.all("select n from t")).toEqual([{ n: 1000 }]);
    expect(db.status.buffer.setAside).toHaveLength(1);
    await db.run("insert into t values (1001, 'goes on')");
    await db.sync();
    for (const aside of db.status.buffer.setAside) rmSync(aside, { recursive: true });
  });
});
