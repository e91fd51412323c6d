import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { open, type Status } from "../src/index.js";
import { restoreLevelZero } from "./support/restore.js";
import { type Scratch, scratch } from "./support/scratch.js";

const ROWS = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 5000)";

async function sample(): Promise<Scratch> {
  const made = scratch();
  const db = await open(made.url, made.writer());
  await db.exec(`create table t (n integer primary key, b blob); ${ROWS} insert into t select n, randomblob(700) from c`);
  await db.close();
  return made;
}

describe("hydration", () => {
  it("fills a local copy in the background; reads then need no request", async () => {
    const { url, dir } = await sample();
    await using db = await open(url, { hydration: { path: path.join(dir, "copy.db") }, pollIntervalMs: 0 });
    const seen: Status["hydration"][] = [];
    db.on("hydration", (h) => seen.push(h));
    await db.hydrated();
    expect(db.status.hydration).toMatchObject({
      state: "complete",
      pages: db.status.pageCount,
      pageCount: db.status.pageCount,
      secondsLeft: 0,
    });
    expect(await db.pragma("litestream_hydration_progress")).toEqual([{ litestream_hydration_progress: "100" }]);
    const before = db.status.requests.get.count;
    expect(await db.get("select count(*) as n, sum(length(b)) as s from t")).toEqual({ n: 5000, s: 3_500_000 });
    expect(await db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(db.status.requests.get.count).toBe(before);
    const pages = seen.map((h) => h.pages);
    expect(pages).toEqual([...pages].sort((a, b) => a - b));
  });

  it("is exactly the database that a restore gives, also after own syncs", async () => {
    const { url, dir, replicaDir, writer } = await sample();
    const copy = path.join(dir, "copy.db");
    await using db = await open(url, writer({ hydration: { path: copy } }));
    await db.run("update t set b = zeroblob(10) where n % 7 = 0");
    await db.sync();
    await db.hydrated();
    await db.exec("delete from t where n > 2500; vacuum");
    await db.sync();
    await db.exec(`${ROWS} insert or replace into t select n, randomblob(50) from c`);
    await db.sync();
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 5000 });
    await db.hydrated();
    const { bytes } = restoreLevelZero(replicaDir);
    await expect.poll(() => Buffer.compare(readFileSync(copy), bytes), { timeout: 10_000 }).toBe(0);
  });

  it("follows a writer, in read mode", async () => {
    const { url, dir, writer } = await sample();
    await using reader = await open(url, { hydration: { path: path.join(dir, "copy.db") }, pollIntervalMs: 0 });
    await reader.hydrated();
    await using db = await open(url, writer());
    for (let round = 1; round <= 3; round += 1) {
      await db.run("update t set b = zeroblob(?) where n % 3 = 0", [round]);
      await db.sync();
      await reader.refresh();
      expect(await reader.get("select sum(length(b)) as s from t where n % 3 = 0")).toEqual({ s: 1666 * round });
      expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
      // What the writer changed is fetched into the copy again, and can be waited for.
      await reader.hydrated();
      expect(reader.status.hydration).toMatchObject({ state: "complete", pages: reader.status.pageCount });
    }
  });

  it("waits for hydrate() when it starts by hand", async () => {
    const { url, dir } = await sample();
    await using db = await open(url, { hydration: { path: path.join(dir, "copy.db"), start: "manual" } });
    expect(db.status.hydration.state).toBe("waiting");
    await db.hydrate();
    await db.hydrated();
    expect(db.status.hydration.state).toBe("complete");
  });

  it("leaves reads remote, with a warning, where the file can't be made", async () => {
    const { url, dir } = await sample();
    const warnings: string[] = [];
    await using db = await open(url, {
      hydration: { path: path.join(dir, "missing", "copy.db") },
      logger: { ...console, warn: (m: string) => warnings.push(m) },
    });
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 5000 });
    expect(warnings.join()).toMatch(/local copy/);
    await expect(db.hydrated()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
  });

  it("leaves a file that is there already alone", async () => {
    const { url, dir } = await sample();
    const copy = path.join(dir, "precious.db");
    writeFileSync(copy, "precious");
    await using db = await open(url, { hydration: { path: copy } });
    expect(await db.get("select count(*) as n from t")).toEqual({ n: 5000 });
    await db.close();
    expect(readFileSync(copy, "utf8")).toBe("precious");
  });

  it("fails on a corrupt page, names the file, and never says complete", async () => {
    const { url, dir, replicaDir } = await sample();
    const folder = path.join(replicaDir, "ltx", "0");
    const [name = ""] = readdirSync(folder);
    const bytes = readFileSync(path.join(folder, name));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(path.join(folder, name), bytes);
    await using db = await open(url, { hydration: { path: path.join(dir, "copy.db") } });
    await expect(db.hydrated()).rejects.toMatchObject({ code: "HYDRATION_FAILED" });
    expect(db.status.hydration.state).toBe("failed");
    expect(await db.pragma("litestream_hydration_progress")).not.toEqual([{ litestream_hydration_progress: "100" }]);
  });

  it("removes a temporary copy on close", async () => {
    const { url } = await sample();
    const db = await open(url, { hydration: true });
    await db.hydrated();
    const copy = db.status.hydration.path ?? "";
    expect(existsSync(copy)).toBe(true);
    await db.close();
    expect(existsSync(copy)).toBe(false);
  });
});
