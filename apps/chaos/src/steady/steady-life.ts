import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "@headwater/core/testing";
import { openPlain, type Plain } from "@headwater/vfs/testing";
import { openSync, type SyncDatabase } from "headwater/sync";
import { Actor } from "../actors/actor.js";
import type { FollowerMessage } from "../actors/follower-messages.js";
import { type Backend, type ClaimRun, mustBe } from "../claim.js";
import { makePlace, type Place } from "../places.js";
import type { Tally } from "../tally.js";
import { Batches, type Layout } from "./batches.js";
import { type State, stateOf } from "./state.js";

const SYNC_INTERVAL_MS = 20;
const FOLLOWER_MS_MAX = 120_000;

interface LifeParts {
  readonly run: ClaimRun;
  readonly backend: Backend;
  readonly counts: Tally;
}

let lives = 0;

/** One database that is written without a pause, its shadow in plain SQLite, and a second process that follows it. */
export class SteadyLife {
  readonly #parts: LifeParts;
  readonly #random: SeededRandom;
  readonly #folder: string;
  readonly #place: Place;
  readonly #layout: Layout;
  readonly #batches: Batches;
  readonly #shadow: Plain;
  readonly #db: SyncDatabase;
  #follower: Actor<FollowerMessage> | undefined;
  /** What the shadow held after each batch. */
  readonly #states: State[] = [];
  #syncSeen = "";

  private constructor(parts: LifeParts, shadow: Plain) {
    this.#parts = parts;
    this.#shadow = shadow;
    const random = new SeededRandom(parts.run.random.nextU32());
    this.#random = random;
    lives += 1;
    this.#folder = path.join(parts.run.folder, `${parts.backend}-life-${lives}`);
    mkdirSync(this.#folder, { recursive: true });
    this.#place = makePlace(parts.backend, this.#folder);
    this.#layout = { pageSize: random.pick([4096, 4096, 512, 1024, 8192, 65_536]), autoVacuum: random.pick([0, 1, 2]) };
    this.#batches = new Batches(random, this.#layout);
    this.#db = openSync(this.#place.url, {
      write: true,
      pageSize: this.#layout.pageSize,
      syncIntervalMs: SYNC_INTERVAL_MS,
      buffer: { path: path.join(this.#folder, "buffer") },
      // SQLite's own is of one page; with none behind it every page would be a trip to the store, and most of a run would be waiting.
      cache: { maxBytes: random.pick([100_000, 1024 * 1024, 32 * 1024 * 1024]) },
    });
  }

  /** Runs so many batches, compares everything, and removes it; or keeps it, if something was wrong. */
  static async run(parts: LifeParts, batches: number): Promise<void> {
    const life = new SteadyLife(parts, await openPlain());
    try {
      await life.#live(batches);
    } catch (error) {
      await life.#place.keep(path.join(life.#folder, "replica"));
      throw error;
    } finally {
      life.#shadow.close();
      await life.#follower?.kill();
    }
    await life.#place.dispose();
    rmSync(life.#folder, { recursive: true, force: true });
  }

  async #live(batches: number): Promise<void> {
    await this.#both(this.#batches.setUp());
    this.#db.exec("pragma cache_size = 1");
    this.#db.sync();
    this.#db.on("sync", () => this.#parts.counts.add(`${this.#parts.backend}: syncs`));
    const logFile = path.join(this.#folder, "follower.log");
    this.#follower = new Actor({ script: "follower", task: { url: this.#place.url }, stateDir: this.#folder, logFile });
    for (let n = 1; n <= batches; n += 1) {
      await this.#both(this.#batches.next());
      this.#parts.counts.add(`${this.#parts.backend}: batches`);
      if (this.#random.chance(0.1)) await sleep(this.#random.below(2 * SYNC_INTERVAL_MS));
      else await sleep(0); // the loop turns: what the I/O thread has to say is heard
      await this.#checkAfterSync();
    }
    const txid = this.#db.sync();
    await this.#checkWriter();
    this.#db.close();
    await this.#checkFollower(txid);
  }

  async #both(sql: string): Promise<void> {
    this.#db.exec(sql);
    const code = this.#shadow.run(sql);
    if (code !== 0) throw new Error(`plain SQLite answers ${code} to: ${sql}`);
    this.#states.push(await stateOf((query) => this.#shadow.rows(query)));
  }

  async #checkAfterSync(): Promise<void> {
    const { durableTxid } = this.#db.status.sync;
    if (durableTxid === this.#syncSeen) return;
    this.#syncSeen = durableTxid;
    await this.#checkWriter();
  }

  async #checkWriter(): Promise<void> {
    const rows = (sql: string): unknown[][] =>
      this.#db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));
    const check = String(rows("pragma quick_check")[0]?.[0]);
    this.#compare("the writer", this.#syncSeen, check, await stateOf(rows));
    this.#parts.counts.add(`${this.#parts.backend}: times the writer was read whole`);
  }

  #compare(who: string, txid: string, check: string, found: State): void {
    const where = `at TXID ${txid}, batch ${found.batch}, ${JSON.stringify(this.#layout)}`;
    mustBe(check === "ok", () => `${who} finds damage ${where}: quick_check: ${check}`);
    const expected = this.#states[found.batch];
    mustBe(expected !== undefined, () => `${who} reads a batch that there never was ${where}`);
    mustBe(found.pages === expected.pages, () => `${who} has ${found.pages} pages, and plain SQLite ${expected.pages} ${where}`);
    mustBe(found.digest === expected.digest, () => `${who} reads other rows than plain SQLite ${where}`);
  }

  /** Every view that the other process read is the shadow's state at some batch, never an older one than before. */
  async #checkFollower(txid: string): Promise<void> {
    const follower = this.#follower;
    if (follower === undefined) return;
    follower.tell(txid);
    mustBe(await follower.until(() => follower.isEnded, FOLLOWER_MS_MAX), () => `the follower does not come to TXID ${txid}`);
    const failed = follower.last("failed");
    mustBe(failed === undefined, () => `the follower failed: ${failed?.code} ${failed?.message}`);
    let last: FollowerMessage & { kind: "view" } = { kind: "view", txid: "", check: "ok", batch: 0, digest: "", pages: 0 };
    for (const view of follower.all("view")) {
      this.#compare("the follower", view.txid, view.check, view);
      mustBe(view.txid >= last.txid && view.batch >= last.batch, () => `the follower went back from batch ${last.batch} to ${view.batch}`);
      last = view;
      this.#parts.counts.add(`${this.#parts.backend}: views that the other process read whole`);
    }
    mustBe(last.txid === txid, () => `the follower ended at TXID ${last.txid}, not at ${txid}`);
    mustBe(last.batch === this.#states.length - 1, () => `the replica ends at batch ${last.batch} of ${this.#states.length - 1}`);
  }
}
