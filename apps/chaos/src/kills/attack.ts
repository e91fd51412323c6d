import { existsSync, readdirSync, watch } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "@headwater/core/testing";
import type { WriterProcess } from "../actors/writer-process.js";
import type { Backend } from "../claim.js";
import type { Place } from "../places.js";

/** What an attack knows of its victim. */
export interface Victim {
  readonly writer: WriterProcess;
  readonly place: Place;
  readonly random: SeededRandom;
  /** How long a writer takes from its start to an open database, about. */
  readonly openingMs: number;
}

/** Picks the moment of a kill. */
export interface Attack {
  readonly name: string;
  /** The writer must sync by itself, and often. */
  readonly needsPuts: boolean;
  readonly backends: readonly Backend[];
  /** Resolves when it is time, to whether it found the moment that it is named for. */
  wait(victim: Victim): Promise<boolean>;
}

const COMMITS_MAX = 120;
/** A put that is waited for comes within this, or the writer is killed all the same. */
const PUT_WAIT_MS_MAX = 3000;

/** At a random moment, a random number of commits after it opened. */
const committing: Attack = {
  name: "while committing",
  needsPuts: false,
  backends: ["file", "s3"],
  async wait({ writer, random }) {
    const commits = 1 + random.below(COMMITS_MAX);
    const found = await writer.until(() => writer.all("commit").length >= commits);
    await sleep(random.below(12));
    return found;
  },
};

/** At a random moment of its start: it recovers what the last one left. */
const opening: Attack = {
  name: "while opening and recovering",
  needsPuts: false,
  backends: ["file", "s3"],
  async wait({ random, openingMs, writer }) {
    await sleep(random.below(Math.ceil(openingMs * 1.1)));
    return writer.all("commit").length === 0;
  },
};

/** While a file of the replica has only its temporary name. */
const puttingFile: Attack = {
  name: "in mid-put",
  needsPuts: true,
  backends: ["file"],
  async wait({ writer, place, random }) {
    const commits = random.below(40);
    await writer.until(() => writer.all("commit").length > commits);
    const found = await temporaryFile(path.join(place.dir ?? "", "ltx", "0"), writer);
    await sleep(random.below(4)); // before its bytes are there, before it has its name, before the folder is synced
    return found;
  },
};

export const ATTACKS: readonly Attack[] = [committing, opening, puttingFile];

/** As the file store names what it is about to link into place. */
const TEMPORARY = /^\.headwater-tmp-/;

/** Resolves to whether the store's folder got a new temporary file, as soon as it is so. */
async function temporaryFile(folder: string, writer: WriterProcess): Promise<boolean> {
  const deadline = performance.now() + PUT_WAIT_MS_MAX;
  while (!existsSync(folder) && performance.now() < deadline && !writer.isEnded) await sleep(1);
  if (!existsSync(folder)) return false;
  const stop = new AbortController();
  const watcher = watch(folder, { signal: stop.signal });
  try {
    return await new Promise((resolve) => {
      watcher.on("change", (_event, name) => {
        if (TEMPORARY.test(String(name))) resolve(true);
      });
      void Promise.race([writer.ended, sleep(Math.max(1, deadline - performance.now()))]).then(() => resolve(false));
    });
  } finally {
    stop.abort();
  }
}

/** Temporary files that are there: what a kill in mid-put leaves. */
export function temporaryFiles(place: Place): number {
  const folder = path.join(place.dir ?? "", "ltx", "0");
  return existsSync(folder) ? readdirSync(folder).filter((name) => TEMPORARY.test(name)).length : 0;
}
