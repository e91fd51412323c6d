import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { SeededRandom } from "@headwater/core/testing";
import type { Options } from "headwater";
import type { WriterTask } from "../actors/messages.js";
import { WriterProcess } from "../actors/writer-process.js";
import { type Backend, type ClaimRun, mustBe } from "../claim.js";
import { makePlace, type Place } from "../places.js";
import { FaultProxy } from "../proxy/fault-proxy.js";
import { BAD_DAY } from "../proxy/rules.js";
import type { Tally } from "../tally.js";
import type { Attack } from "./attack.js";
import { Reckoning } from "./reckoning.js";
import { temporaryFiles } from "./temporary-files.js";

/** Until one was measured. */
const OPENING_MS_GUESS = 400;
const LAST_COMMITS = 3;

/** How a writer may end while storage misbehaves; without its buffer, a late put of its dead predecessor is another writer's. */
const MAY_FAIL: Readonly<Record<BufferKind, readonly string[]>> = {
  file: ["STORE_UNAVAILABLE"],
  memory: ["STORE_UNAVAILABLE", "FENCED"],
};

export type BufferKind = "file" | "memory";

interface SeriesParts {
  readonly buffer: BufferKind;
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
  readonly #reckoning: Reckoning;
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
    this.#reckoning = new Reckoning({
      ledgerSeed: this.#ledgerSeed,
      keepsBuffer: parts.buffer === "file",
      count: (name, by) => parts.counts.add(`${backend}: ${name}`, by),
      mayFail: (code) => this.#proxy !== undefined && MAY_FAIL[parts.buffer].includes(code),
    });
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
    const moment = await attack.wait({
      writer,
      place: this.#place,
      ...proxy,
      random: this.#random,
      openingMs: this.#reckoning.openingMs ?? OPENING_MS_GUESS,
    });
    await writer.kill();
    if (moment.afterwards !== undefined) this.#late.push(moment.afterwards());
    if (moment.found) faults.add(`${backend}: killed ${attack.name}`);
    counts.add(`${backend}: kills`);
    this.#reckoning.learn(writer);
    const left = temporaryFiles(this.#place);
    if (left > this.#temporaryFiles) counts.add(`${backend}: kills that left a file with a temporary name`);
    this.#temporaryFiles = left;
    await this.#reckoning.checkReplica(this.#place.url);
  }

  #spawn(needsPuts: boolean, more: Partial<WriterTask> = {}): WriterProcess {
    const random = this.#random;
    const options: Options = {
      write: true,
      ...this.#durability(needsPuts),
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

  /** On files no fault delays a sync, so each commit can wait for its own. */
  #durability(needsPuts: boolean): Pick<Options, "durability"> {
    return this.#parts.backend === "file" && needsPuts && this.#random.chance(0.3) ? { durability: "commit" } : {};
  }

  /** An undisturbed writer: it finds everything, and closing it puts everything into the replica. */
  async #finish(): Promise<void> {
    await Promise.all(this.#late);
    if (this.#proxy !== undefined) this.#proxy.enabled = false;
    const writer = this.#spawn(false, { commits: LAST_COMMITS });
    await writer.ended;
    this.#reckoning.learn(writer);
    mustBe(writer.last("closed") !== undefined, () => "the last writer did not close");
    await this.#reckoning.checkReplica(this.#place.url);
  }
}
