import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { type Database, open } from "../src/index.js";
import { putBigDatabase } from "./support/big-database.js";
import { scratch } from "./support/scratch.js";

const GIB = 2 ** 30;
const MEMORY_MAX = 1.5 * GIB;

describe("a database of more than 1 GiB", () => {
  it("grows over the lock page, is read behind it, and hydrates whole", { timeout: 120_000 }, async () => {
    const { url, dir, replicaDir, writer } = scratch();
    const { pageSize, commit, lengths } = await putBigDatabase(replicaDir);
    const lockPage = GIB / pageSize + 1;
    const random = new SeededRandom(testSeed("big"));
    const bodies = Array.from({ length: 20 }, () => Buffer.from(Array.from({ length: pageSize - 5000 }, () => random.below(256))));

    await using db = await open(url, writer());
    expect(db.status).toMatchObject({ pageSize, pageCount: commit });
    expect(await db.all("select n, length(b) as length from big")).toEqual(lengths.map((length, i) => ({ n: i + 1, length })));
    await db.transaction(async (tx) => {
      for (const b of bodies) await tx.run("insert into t (b) values (?)", [b]);
    });
    // SQLite leaves the lock page out as well.
    expect(db.status.pageCount).toBeGreaterThan(lockPage + 15);
    expect(await differing(db, bodies)).toEqual([]);
    expect(await db.sync()).toBe("0000000000000002");
    expect(await differing(db, bodies)).toEqual([]);

    const copy = path.join(dir, "copy.db");
    await using reader = await open(url, { pollIntervalMs: 0, hydration: { path: copy, start: "manual" } });
    expect(reader.status.pageCount).toBe(db.status.pageCount);
    expect(await differing(reader, bodies)).toEqual([]);
    // Nothing here costs what the size of the database would: a page of its index is 16 bytes.
    expect(reader.status.requests.get.bytes).toBeLessThan(4e6);
    await reader.hydrate();
    await reader.hydrated();
    expect(statSync(copy).size).toBe(reader.status.pageCount * pageSize);
    expect(pageAt(copy, lockPage, pageSize).some((byte) => byte !== 0)).toBe(false);
    const before = reader.status.requests.get.count;
    expect(await reader.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(await differing(reader, bodies)).toEqual([]);
    expect(reader.status.requests.get.count).toBe(before);

    // The copy follows a second transaction behind the lock page.
    await db.run("update t set b = zeroblob(100000) where n = 20");
    await db.sync();
    await reader.refresh();
    expect(await reader.get("select length(b) as length from t where n = 20")).toEqual({ length: 100_000 });
    expect(await differing(reader, bodies)).toEqual([20]);
    expect(process.resourceUsage().maxRSS * 1024).toBeLessThan(MEMORY_MAX);
  });
});

/** Rows of `t` that are missing or hold other bytes. Comparing them here takes vitest seconds. */
async function differing(db: Database, bodies: readonly Uint8Array[]): Promise<number[]> {
  const rows = await db.all<{ n: number; b: Uint8Array }>("select n, b from t");
  const found = new Map(rows.map(({ n, b }) => [n, b]));
  return bodies.flatMap((b, i) => (Buffer.compare(b, found.get(i + 1) ?? Buffer.alloc(0)) === 0 ? [] : [i + 1]));
}

function pageAt(file: string, pgno: number, pageSize: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  const fd = openSync(file, "r");
  try {
    expect(readSync(fd, page, 0, pageSize, (pgno - 1) * pageSize)).toBe(pageSize);
  } finally {
    closeSync(fd);
  }
  return page;
}
