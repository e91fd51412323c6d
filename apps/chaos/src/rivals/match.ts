import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { SeededRandom } from "@headwater/core/testing";
import { Actor } from "../actors/actor.js";
import type { RivalMessage, RivalOrder, RivalTask } from "../actors/rival-messages.js";
import { type Backend, type ClaimRun, mustBe } from "../claim.js";
import { makePlace, type Place } from "../places.js";
import { FaultProxy } from "../proxy/fault-proxy.js";
import { BAD_DAY } from "../proxy/rules.js";
import type { Tally } from "../tally.js";
import { readHistory } from "./history.js";
import { type Confirmed, checkWinners } from "./winners.js";

/** A busy machine is slow; a deadlock is slower. */
const PATIENCE_MS = 120_000;

export interface MatchParts {
  readonly run: ClaimRun;
  readonly backend: Backend;
  readonly counts: Tally;
  readonly faults: Tally;
}

export type RivalName = "a" | "b";
export const RIVALS: readonly RivalName[] = ["a", "b"];
export type Rival = Actor<RivalMessage>;

let matches = 0;

/** Two writers on one replica, each with a buffer of its own, from an empty store to the last check. */
export class Match {
  readonly random: SeededRandom;
  readonly place: Place;
  readonly proxy: FaultProxy | undefined;
  readonly parts: MatchParts;
  readonly #folder: string;
  readonly #pageSize: number;
  readonly #rivals = new Map<RivalName, Rival>();
  /** What every process of a name has said. */
  readonly #said: { readonly name: RivalName; readonly process: Rival }[] = [];

  private constructor(parts: MatchParts, random: SeededRandom, folder: string, place: Place, proxy: FaultProxy | undefined) {
    this.parts = parts;
    this.random = random;
    this.place = place;
    this.proxy = proxy;
    this.#folder = folder;
    this.#pageSize = random.pick([4096, 4096, 512, 16_384]);
  }

  static async start(parts: MatchParts): Promise<Match> {
    const { run, backend, faults } = parts;
    const random = new SeededRandom(run.random.nextU32());
    matches += 1;
    const folder = path.join(run.folder, `${backend}-match-${matches}`);
    mkdirSync(folder, { recursive: true });
    const place = makePlace(backend, folder);
    const target = place.server?.endpoint;
    const ofProxy = new SeededRandom(random.nextU32());
    const proxy = target === undefined ? undefined : await FaultProxy.start({ target, random: ofProxy, rules: BAD_DAY, faults });
    return new Match(parts, random, folder, place, proxy);
  }

  rival(name: RivalName): Rival {
    const rival = this.#rivals.get(name);
    if (rival === undefined) throw new Error(`rival ${name} was never started`);
    return rival;
  }

  /** Starts a process of this name; its buffer is the one that the last one left. */
  send(name: RivalName): Rival {
    const { url, server } = this.place;
    const task: RivalTask = {
      url: this.proxy === undefined ? url : (server?.through(this.proxy.endpoint) ?? url),
      name,
      seed: this.random.nextU32(),
      options: { write: true, pageSize: this.#pageSize, syncIntervalMs: this.random.pick([5, 20, 100]) },
      pauseMsMax: this.random.pick([1, 10, 40]),
    };
    const logFile = path.join(this.#folder, `${name}.log`);
    const process: Rival = new Actor({ script: "rival", task, stateDir: path.join(this.#folder, `state-${name}`), logFile });
    this.#rivals.set(name, process);
    this.#said.push({ name, process });
    return process;
  }

  /** Plays it, settles it, and removes everything; or keeps it, if something was wrong. */
  async play(actions: () => Promise<void>): Promise<void> {
    try {
      for (const name of RIVALS) this.send(name);
      await actions();
      await this.#settle();
      await this.#judge();
    } catch (error) {
      await this.place.keep(path.join(this.#folder, "replica"));
      throw error;
    } finally {
      for (const { process } of this.#said) await process.kill();
      await this.proxy?.[Symbol.asyncDispose]();
    }
    await this.place.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Both stop, and then each tries once more: one at most may write on, and the other must be told. */
  async #settle(): Promise<void> {
    const { counts, backend } = this.parts;
    if (this.proxy !== undefined) this.proxy.enabled = false;
    for (const name of RIVALS) await this.#order(name, "rest", "resting");
    const names = this.random.chance(0.5) ? RIVALS : [...RIVALS].reverse();
    let winners = 0;
    for (const name of names) {
      await this.#order(name, "settle", "settled");
      const as = this.rival(name).last("settled")?.as;
      counts.add(`${backend}: at the end ${as ?? "dead"}`);
      if (as === "winner") winners += 1;
    }
    mustBe(winners <= 1, () => "both writers could write and sync at the end, one after the other");
    for (const name of RIVALS) {
      const rival = this.rival(name);
      rival.tell("close" satisfies RivalOrder);
      mustBe(await rival.until(() => rival.isEnded, PATIENCE_MS), () => `writer ${name} does not close`);
    }
  }

  async #order(name: RivalName, order: RivalOrder, answer: RivalMessage["kind"]): Promise<void> {
    const rival = this.rival(name);
    const before = rival.all(answer).length;
    rival.tell(order);
    const answered = await rival.until(() => rival.all(answer).length > before, PATIENCE_MS);
    const failed = rival.last("failed");
    mustBe(failed === undefined, () => `writer ${name} failed during ${failed?.during}: ${failed?.code} ${failed?.message}`);
    mustBe(answered, () => `writer ${name} does not answer to "${order}"`);
  }

  async #judge(): Promise<void> {
    const { counts, backend } = this.parts;
    for (const { name, process } of this.#said) {
      const failed = process.last("failed");
      mustBe(failed === undefined, () => `writer ${name} failed during ${failed?.during}: ${failed?.code} ${failed?.message}`);
      counts.add(`${backend}: commits`, process.all("commit").length);
      counts.add(`${backend}: syncs confirmed`, process.all("sync").length);
      counts.add(`${backend}: fenced`, process.all("fenced").length);
      counts.add(`${backend}: opened`, process.all("open").length);
    }
    const line = await readHistory(this.place.url);
    const confirmed = this.#said.flatMap(({ name, process }) =>
      process.all("sync").map(({ id, digest, txid }): Confirmed => ({ name, id, digest, txid })),
    );
    checkWinners(line, confirmed);
    counts.add(`${backend}: rows in one line`, line.length);
  }
}
