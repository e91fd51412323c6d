import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { Connection, pageOf } from "./support/connection.js";
import { until, World } from "./support/world.js";

const MINUTE_MS = 60_000;

/** A writer on a replica of ten pages. */
async function writer(syncIntervalMs: number): Promise<{ world: World; connection: Connection }> {
  const world = new World();
  const connection = new Connection(await world.open({ syncIntervalMs }), world);
  connection.commit(
    1,
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
  await connection.sync();
  return { world, connection };
}

describe("storage that is down for ten minutes", () => {
  it("stops neither commits nor reads of local pages; attempts back off with jitter, and it recovers by itself, in order", async () => {
    const { world, connection } = await writer(1000);
    const attempts: number[] = [];
    world.hooks = {
      before: ({ kind }) => {
        if (kind === "put") attempts.push(world.runtime.clock.monotonicMs());
        throw new HeadwaterError("STORE_UNAVAILABLE", "down");
      },
    };
    for (let version = 2; version <= 601; version += 1) {
      connection.commit(version, [2 + (version % 8)]);
      expect((await connection.read(2 + (version % 8)))[0]).toBe(version % 256);
      await world.runtime.advance(1000);
    }
    const failures = world.events("syncFailed");
    expect(failures[0]).toMatchObject({ error: { code: "STORE_UNAVAILABLE" }, sinceMs: 0 });
    expect(failures.at(-1)?.sinceMs).toBeGreaterThan(9 * MINUTE_MS);
    for (const { retryInMs } of failures) expect(retryInMs).toBeLessThanOrEqual(30_000);
    // Doubling from 0.1 s to 30 s, then at most four a minute: no more than 50, and no fewer than one each 30 s.
    expect(attempts.length).toBeLessThan(50);
    expect(attempts.length).toBeGreaterThan(20);
    const late = attempts.slice(-8).map((at, i, all) => at - (all[i - 1] ?? at));
    expect(new Set(late.slice(1)).size).toBeGreaterThan(1);

    world.hooks = {};
    await world.runtime.advance(31_000);
    await until("all is in the replica", () => world.events("sync").length >= 3);
    connection.adopt();
    expect(world.events("sync").map(({ txid }) => txid)).toEqual(["0000000000000001", "0000000000000002", "0000000000000003"]);
    expect(world.events("sync").reduce((sum, { transactions }) => sum + transactions, 0)).toBe(601);
    for (let n = 0; n < 8; n += 1) {
      const pgno = 2 + n;
      const newest = [601, 600, 599, 598, 597, 596, 595, 594].find((version) => 2 + (version % 8) === pgno) ?? 0;
      expect(await connection.read(pgno)).toEqual(pageOf(pgno, newest, 10));
    }
    await connection.close();
  });
});

describe("access that is denied", () => {
  it("is told at once, to sync() and by syncFailed; the commits stay, and go up when it is granted again", async () => {
    const { world, connection } = await writer(0);
    world.hooks = {
      before: () => {
        throw new HeadwaterError("STORE_DENIED", "denied");
      },
    };
    connection.commit(2, [3]);
    await expect(connection.sync()).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(world.events("syncFailed")).toMatchObject([{ error: { code: "STORE_DENIED" }, sinceMs: 0 }]);
    world.hooks = {};
    await world.runtime.advance(1000);
    expect(await connection.sync()).toBe(2n);
    await connection.close();
  });
});
