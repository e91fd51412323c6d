import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Peer } from "../../src/peer.js";
import { SqlProcess } from "../../src/sql-process.js";
import type { Backend, Place } from "./backends.js";
import { contentOf, integrityOf } from "./content.js";
import { Headwater } from "./headwater.js";
import { expectPeerToAgree } from "./peer-agrees.js";
import { restoreTo, verifyFiles } from "./restore.js";
import { Workload } from "./workload.js";

const rounds = Number(process.env["HEADWATER_ROUNDS"] ?? 1);

/** Databases that Headwater writes, reads and takes over, with the peer on the other side. */
export function describeBothWays(backend: Backend): void {
  describe(`Headwater and the peer: ${backend.name}`, () => {
    let place: Place;
    let dir: string;
    let model: SqlProcess;
    /** The largest size that the database had, in pages. */
    let largest: number;
    beforeEach(async () => {
      dir = mkdtempSync(path.join(tmpdir(), "headwater-both-"));
      place = await backend.create();
      model = await SqlProcess.open({ database: path.join(dir, "model.db") });
      largest = 0;
    });
    afterEach(async () => {
      await model.close();
      await place.dispose();
      rmSync(dir, { recursive: true, force: true });
    });

    const writer = (): Promise<Headwater> =>
      Headwater.open(place.url, { write: true, syncIntervalMs: 0, buffer: { path: path.join(dir, "buffer") } });

    /** Runs each list of statements, and syncs after it. */
    async function write(db: Headwater, ...syncs: readonly (readonly string[])[]): Promise<void> {
      for (const statements of syncs) {
        await db.run(...statements);
        await model.run(...statements);
        await db.db.sync();
        largest = Math.max(largest, db.db.status.pageCount);
      }
    }

    /** The peer takes the largest page number for the size of the database: makes that true again after a shrink. */
    async function growBack(db: Headwater): Promise<void> {
      await write(db, ["create table if not exists grown(x)"]);
      const [free] = (await db.query("pragma freelist_count")).flat();
      const pages = largest - db.db.status.pageCount + Number(free) + 2;
      await write(db, [`insert into grown values (zeroblob(${pages * 4096}))`]);
      expect(db.db.status.pageCount).toBe(largest);
    }

    /** Opened and hydrated here. */
    async function expectHeadwaterToAgree(): Promise<void> {
      const expected = await contentOf(model);
      const db = await Headwater.open(place.url, { hydration: { start: "manual" }, pollIntervalMs: 0 });
      try {
        expect(await integrityOf(db)).toEqual(["ok"]);
        expect(await contentOf(db)).toEqual(expected);
        await db.db.hydrate();
        await db.db.hydrated();
        expect(await integrityOf(db)).toEqual(["ok"]);
        expect(await contentOf(db)).toEqual(expected);
      } finally {
        await db.close();
      }
    }

    it("what Headwater wrote opens and hydrates in the peer", async () => {
      const workload = new Workload(new SeededRandom(testSeed("both ways")), { shrinks: true });
      const db = await writer();
      for (let i = 0; i < 8 * rounds; i += 1) await write(db, [...workload.transaction(), ...workload.transaction()]);
      await growBack(db);
      await db.close();
      await expectPeerToAgree(place.url, model);
      await verifyFiles(place);
    });

    const fill =
      "insert into t(a) with recursive n(n) as (select 1 union all select n + 1 from n where n < 500) select hex(zeroblob(2000)) from n";

    it("a transaction that allocates pages and frees them unwritten leaves no holes", async () => {
      const db = await writer();
      await write(
        db,
        ["create table t(id integer primary key, a)"],
        ["begin", fill, "delete from t where id between 3 and 490", "commit"],
        ["insert into t(a) values ('after')"],
      );
      await db.close();
      await expectPeerToAgree(place.url, model);
      await expectHeadwaterToAgree();
    });

    it("shrinking and growing again, within one sync and across two, shows no old page", async () => {
      const db = await writer();
      await write(
        db,
        ["create table t(id integer primary key, a)", fill],
        ["delete from t where id > 100", "vacuum", fill, "update t set a = 'within' || id where id % 7 = 0"],
        ["delete from t where id > 50", "vacuum"],
        [fill, "update t set a = 'across' || id where id % 5 = 0"],
        ["delete from t where id > 20", "vacuum", "begin", fill, "delete from t where id between 30 and 480", "commit"],
      );
      await growBack(db);
      await db.close();
      await expectPeerToAgree(place.url, model);
      await expectHeadwaterToAgree();
    });

    it("what the peer wrote opens and hydrates in Headwater", async () => {
      const workload = new Workload(new SeededRandom(testSeed("peer writes")), { shrinks: false });
      for (let i = 0; i < 2 * rounds; i += 1) {
        const statements = Array.from({ length: 4 }, () => workload.transaction()).flat();
        const peer = await Peer.open({ url: place.url, write: true });
        await peer.run(...statements);
        await peer.close();
        await model.run(...statements);
      }
      await expectHeadwaterToAgree();
    });

    it("a database moves from one to the other and back", async () => {
      const workload = new Workload(new SeededRandom(testSeed("moves")), { shrinks: false });
      for (let i = 0; i < 2 * rounds; i += 1) {
        const db = await writer();
        await write(db, workload.transaction(), workload.transaction());
        await db.close();
        const statements = [...workload.transaction(), ...workload.transaction()];
        const peer = await Peer.open({ url: place.url, write: true });
        await peer.run(...statements);
        await peer.close();
        await model.run(...statements);
      }
      await expectHeadwaterToAgree();
      await expectPeerToAgree(place.url, model);
      const restored = await restoreTo(place, path.join(dir, "restored.db"));
      expect(restored.txid).toBeGreaterThan(0n);
    });
  });
}
