import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { SeededRandom } from "@headwater/core/testing";
import type { Options } from "headwater";
import type { WriterTask } from "../actors/messages.js";
import { WriterProcess } from "../actors/writer-process.js";
import { type Backend, type ClaimRun, mustBe } from "../claim.js";
import { readReplica } from "../ledger/read-replica.js";
import { makePlace, type Place } from "../places.js";
import { FaultProxy } from "../proxy/fault-proxy.js";
import { BAD_DAY } from "../proxy/rules.js";
import type { Tally } from "../tally.js";
import type { Attack } from "./attack.js";
import { temporaryFiles } from "./temporary-files.js";

/** Until one was measured. */
const OPENING_MS_GUESS = 400;
const LAST_COMMITS = 3;

interface SeriesParts {
  readonly run: ClaimRun;
  readonly backend: Backend;
  readonly counts: Tally;
  readonly faults: Tally;
}

let series = 0;

/** The life of one database whose writers are killed one after the other. */
export class KillSeries {
  readonly #parts: SeriesParts;
  readonly #folder: string;
  readonly #place: Place;
  readonly #random: SeededRandom;
  readonly #ledgerSeed: number;
  readonly #pageSize: number;
  /** Every transaction up to here has been acknowledged, or was seen since. */
  #acknowledged = 0;
  /** A sync has confirmed everything up to here. */
  #confirmed = 0;
  #openingMs = OPENING_MS_GUESS;
  #temporaryFiles = 0;
  #proxy: FaultProxy | undefined;
  /** What attacks left to be done: puts that arrive late. */
  readonly #late: Promise<void>[] = [];

  private constructor(parts: SeriesParts) {
    this.#parts = parts;
    const { run, backend } = parts;
    series += 1;
    this.#random = new SeededRandom(run.random.nextU32());
    this.#ledgerSeed = this.#random.nextU32();
    this.#pageSize = this.#random.pick([4096, 512, 4096, 16_384, 65_536]);
    this.#folder = path.join(run.folder, `${backend}-${series}`);
    mkdirSync(this.#folder, { recursive: true });
    this.#place = makePlace(backend, this.#folder);
  }

  static async start(parts: SeriesParts): Promise<KillSeries> {
    const made = new KillSeries(parts);
    const { server } = made.#place;
    if (server !== undefined) {
      const random = new SeededRandom(made.#random.nextU32());
      made.#proxy = await FaultProxy.start({ target: server.endpoint, random, rules: BAD_DAY, faults: parts.faults });
    }
    return made;
  }

  /** Runs the kills, then one writer to its ordinary end, and removes everything; or keeps it, if something was wrong. */
  async live(kills: () => Promise<void>): Promise<void> {
    try {
      await kills();
      await this.#finish();
    } catch (error) {
      await this.#place.keep(path.join(this.#folder, "replica"));
      throw error;
    } finally {
      await this.#proxy?.[Symbol.asyncDispose]();
    }
    await this.#place.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Starts a writer, kills it, and checks what its commits left in the replica; the next writer checks the buffer. */
  async kill(attack: Attack): Promise<void> {
    const { counts, faults, backend } = this.#parts;
    const writer = this.#spawn(attack.needsPuts);
    const proxy = this.#proxy === undefined ? {} : { proxy: this.#proxy };
    const moment = await attack.wait({ writer, place: this.#place, ...proxy, random: this.#random, openingMs: this.#openingMs });
    await writer.kill();
    if (moment.afterwards !== undefined) this.#late.push(moment.afterwards());
    if (moment.found) faults.add(`${backend}: killed ${attack.name}`);
    counts.add(`${backend}: kills`);
    this.#learn(writer);
    const left = temporaryFiles(this.#place);
    if (left > this.#temporaryFiles) counts.add(`${backend}: kills that left a file with a temporary name`);
    this.#temporaryFiles = left;
    await this.#checkReplica();
  }

  #spawn(needsPuts: boolean, more: Partial<WriterTask> = {}): WriterProcess {
    const random = this.#random;
    const options: Options = {
      write: true,
      pageSize: this.#pageSize,
      syncIntervalMs: random.pick(needsPuts ? [1, 10, 50] : [0, 1, 20, 200, 1000]),
      cache: { maxBytes: random.pick([32 * 1024 * 1024, 0, 100_000]) },
    };
    const task: WriterTask = {
      url: this.#proxy === undefined ? this.#place.url : (this.#place.server?.through(this.#proxy.endpoint) ?? ""),
      api: random.pick(["open", "openSync"]),
      seed: this.#ledgerSeed,
      options,
      syncEvery: random.pick([0, 7, 40]),
      ...more,
    };
    return new WriterProcess({ task, stateDir: path.join(this.#folder, "state"), logFile: path.join(this.#folder, "writers.log") });
  }

  /** Takes over what a writer said, after checking that what it found is what had been acknowledged. */
  #learn(writer: WriterProcess): void {
    const { counts, backend } = this.#parts;
    const failed = writer.last("failed");
    if (failed?.code === "STORE_UNAVAILABLE" && this.#proxy !== undefined)
      counts.add(`${backend}: writers that gave up since the store did not answer`); // as it may: the next one must find everything
    else mustBe(failed === undefined, () => `a writer failed during ${failed?.during}: ${failed?.code}: ${failed?.message}`);
    const opened = writer.last("open");
    if (opened === undefined) return;
    this.#openingMs = opened.afterMs;
    const { top, setAside } = opened;
    // The one transaction that was under way may be there too: whole, as the writer has checked.
    mustBe(top >= this.#acknowledged, () => `transactions ${top + 1} to ${this.#acknowledged} were acknowledged, and are gone`);
    mustBe(top <= this.#acknowledged + 1, () => `transaction ${top} is there, and only ${this.#acknowledged} were acknowledged`);
    mustBe(setAside.length === 0, () => `commits were set aside, though there is no other writer: ${setAside.join(", ")}`);
    counts.add(`${backend}: reopened`);
    counts.add(`${backend}: commits acknowledged`, writer.all("commit").length);
    counts.add(`${backend}: syncs confirmed`, writer.all("sync").length);
    if (top === this.#acknowledged + 1) counts.add(`${backend}: unacknowledged commits that were there`);
    this.#acknowledged = writer.acknowledged;
    this.#confirmed = Math.max(this.#confirmed, writer.last("sync")?.n ?? 0);
  }

  async #checkReplica(): Promise<void> {
    const { top } = await readReplica(this.#place.url, this.#ledgerSeed);
    mustBe(top >= this.#confirmed, () => `the replica ends at transaction ${top}, and a sync had confirmed ${this.#confirmed}`);
    mustBe(top <= this.#acknowledged + 1, () => `the replica holds transaction ${top}; only ${this.#acknowledged} were acknowledged`);
    this.#parts.counts.add(`${this.#parts.backend}: replicas read whole`);
  }

  /** An undisturbed writer: it finds everything, and closing it puts everything into the replica. */
  async #finish(): Promise<void> {
    await Promise.all(this.#late);
    if (this.#proxy !== undefined) this.#proxy.enabled = false;
    const writer = this.#spawn(false, { commits: LAST_COMMITS });
    await writer.ended;
    this.#learn(writer);
    mustBe(writer.last("closed") !== undefined, () => "the last writer did not close");
    this.#confirmed = this.#acknowledged;
    await this.#checkReplica();
  }
}
