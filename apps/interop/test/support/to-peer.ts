import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Peer } from "../../src/peer.js";
import { SqlProcess } from "../../src/sql-process.js";
import type { Backend, Place } from "./backends.js";
import { contentOf, integrityOf } from "./content.js";
import { FilePublisher } from "./file-publisher.js";
import { expectPeerToAgree } from "./peer-agrees.js";
import { restoreTo } from "./restore.js";
import { Workload } from "./workload.js";

/** Replicas that our encoder and publisher wrote must open and hydrate in the peer. */
export function describeToPeer(backend: Backend): void {
  describe(`replicas that the peer reads: ${backend.name}`, () => {
    let place: Place;
    let dir: string;
    let model: SqlProcess;
    let publisher: FilePublisher;
    beforeEach(async () => {
      dir = mkdtempSync(path.join(tmpdir(), "headwater-to-peer-"));
      place = await backend.create();
      const file = path.join(dir, "model.db");
      model = await SqlProcess.open({ database: file });
      publisher = new FilePublisher(place, file);
    });
    afterEach(async () => {
      await model.close();
      await place.dispose();
      rmSync(dir, { recursive: true, force: true });
    });

    /** One published transaction for each list of statements. */
    async function publish(...transactions: readonly (readonly string[])[]): Promise<void> {
      for (const statements of transactions) {
        await model.run(...statements);
        await publisher.publish();
      }
    }

    /**
     * Makes the database as large again as it once was. After a shrink the peer takes the largest page number that it
     * has seen for the size of the database (version 0.5.17), and then integrity_check finds pages that nothing uses.
     */
    async function growBack(): Promise<void> {
      await publish(["create table grown(x)"]);
      const [free] = (await model.query("pragma freelist_count")).flat();
      await publish([`insert into grown values (zeroblob(${(publisher.shrunkPages + Number(free) + 2) * 4096}))`]);
      expect(publisher.shrunkPages).toBe(0);
    }

    /** Opens in the peer and hydrates, and compares both with the model. */
    const expectAgreement = (): Promise<void> => expectPeerToAgree(place.url, model, publisher.txid.toString(16).padStart(16, "0"));

    it("open and hydrate, whatever was written", async () => {
      const workload = new Workload(new SeededRandom(testSeed("to peer")), { shrinks: true });
      for (let i = 0; i < 20 * Number(process.env["HEADWATER_ROUNDS"] ?? 1); i += 1) await publish(workload.transaction());
      await growBack();
      await expectAgreement();
    });

    it.each([512, 1024, 4096, 8192, 65_536])("open and hydrate with pages of %i bytes", async (pageSize) => {
      await publish(
        [`pragma page_size = ${pageSize}`, "create table t(id integer primary key, a)"],
        ["insert into t(a) with recursive n(n) as (select 1 union all select n + 1 from n where n < 300) select hex(zeroblob(n)) from n"],
        ["delete from t where id % 3 = 0"],
      );
      await expectAgreement();
    });

    // For files; what a Headwater writer makes of the same is tested through open() in both-ways.ts.
    it("open and hydrate after transactions that allocate and free pages, shrink and grow", async () => {
      const fill =
        "insert into t(a) with recursive n(n) as (select 1 union all select n + 1 from n where n < 500) select hex(zeroblob(2000)) from n";
      await publish(
        ["pragma auto_vacuum = incremental", "create table t(id integer primary key, a)"],
        ["begin", fill, "delete from t where id between 3 and 490", "commit"],
        ["pragma incremental_vacuum(100)"],
        [fill],
        ["delete from t where id > 10"],
        ["vacuum"],
        [fill, "update t set a = 'x' || id where id % 5 = 0"],
      );
      await growBack();
      await expectAgreement();
    });

    it("open and hydrate from a snapshot, compacted files and level 0", async () => {
      const workload = new Workload(new SeededRandom(testSeed("levels")), { shrinks: true });
      const some = (): string[][] => Array.from({ length: 5 }, () => workload.transaction());
      await publish(...some());
      await publisher.compact(9, 1n);
      const level1 = publisher.txid + 1n;
      await publish(...some());
      await publisher.compact(1, level1);
      await publish(...some());
      await growBack();
      await expectAgreement();
      await restoreTo(place, path.join(dir, "restored.db"));
      expect(readFileSync(path.join(dir, "restored.db")).equals(readFileSync(path.join(dir, "model.db")))).toBe(true);
    });

    it("can be written on by the peer, and come back", async () => {
      await publish(["create table t(id integer primary key, a)"], ["insert into t(a) values ('ours')"]);
      const statements = ["insert into t(a) values ('theirs')", "create table u(x)", "insert into u values (zeroblob(20000))"];
      const peer = await Peer.open({ url: place.url, write: true });
      await peer.run(...statements);
      await peer.close();
      await model.run(...statements);
      const view = await restoreTo(place, path.join(dir, "restored.db"));
      expect(view.txid).toBe(publisher.txid + 1n);
      const restored = await SqlProcess.open({ database: path.join(dir, "restored.db") });
      expect(await integrityOf(restored)).toEqual(["ok"]);
      expect(await contentOf(restored)).toEqual(await contentOf(model));
      await restored.close();
    });
  });
}
