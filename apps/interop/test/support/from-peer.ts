import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Peer } from "../../src/peer.js";
import { SqlProcess } from "../../src/sql-process.js";
import type { Backend, Place } from "./backends.js";
import { contentOf, integrityOf } from "./content.js";
import { restoreTo, verifyFiles } from "./restore.js";
import { Workload } from "./workload.js";

/** Replicas that the peer wrote must open here as what was written. */
export function describeFromPeer(backend: Backend): void {
  describe(`replicas that the peer wrote: ${backend.name}`, () => {
    let place: Place;
    let dir: string;
    let model: SqlProcess;
    beforeEach(async () => {
      dir = mkdtempSync(path.join(tmpdir(), "headwater-from-peer-"));
      place = await backend.create();
      model = await SqlProcess.open({ database: path.join(dir, "model.db") });
    });
    afterEach(async () => {
      await model.close();
      await place.dispose();
      rmSync(dir, { recursive: true, force: true });
    });

    /** Runs a session in the peer and the same in plain SQLite, and compares what the replica restores to. */
    async function session(statements: readonly string[]): Promise<void> {
      const peer = await Peer.open({ url: place.url, write: true });
      await peer.run(...statements);
      await peer.close();
      await model.run(...statements);
      const file = path.join(dir, "restored.db");
      await restoreTo(place, file);
      const restored = await SqlProcess.open({ database: file });
      try {
        expect(await integrityOf(restored)).toEqual(["ok"]);
        expect(await contentOf(restored)).toEqual(await contentOf(model));
      } finally {
        await restored.close();
      }
    }

    it("restore to what was written, whatever was written", async () => {
      const random = new SeededRandom(testSeed("from peer"));
      const workload = new Workload(random, { shrinks: false });
      const sessions = Math.round(3 * Number(process.env["HEADWATER_ROUNDS"] ?? 1)) + 1;
      for (let i = 0; i < sessions; i += 1) {
        const statements = Array.from({ length: 1 + random.below(6) }, () => workload.transaction()).flat();
        await session(statements);
      }
      expect(await verifyFiles(place)).toBeGreaterThan(0);
    });

    it("restore after a transaction that allocated and freed most of its pages", async () => {
      const insert =
        "insert into t(a) with recursive n(n) as (select 1 union all select n + 1 from n where n < 500) select hex(zeroblob(2000)) from n";
      await session(["create table t(id integer primary key, a)", "insert into t(a) values ('first')"]);
      await session(["begin", insert, "delete from t where id between 3 and 490", "commit"]);
      await session([insert, "delete from t where id > 20"]);
      expect(await verifyFiles(place)).toBe(3);
    });
  });
}
