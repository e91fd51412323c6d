import { existsSync, readdirSync, watch } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../places.js";

/** As the file store names what it is about to link into place. */
const TEMPORARY = /^\.headwater-tmp-/;

const folderOf = ({ dir = "" }: Place): string => path.join(dir, "ltx", "0");

/** Temporary files that are there: what a kill in mid-put leaves. */
export function temporaryFiles(place: Place): number {
  const folder = folderOf(place);
  return existsSync(folder) ? readdirSync(folder).filter((name) => TEMPORARY.test(name)).length : 0;
}

/** Resolves, as soon as a put to a file replica begins, to true; to false when none does in time, or `isOver()`. */
export async function temporaryFileAppears(place: Place, timeoutMs: number, isOver: () => boolean): Promise<boolean> {
  const folder = folderOf(place);
  const deadline = performance.now() + timeoutMs;
  const late = (): boolean => performance.now() > deadline || isOver();
  while (!existsSync(folder)) {
    if (late()) return false;
    await sleep(1);
  }
  const stop = new AbortController();
  const watcher = watch(folder, { signal: stop.signal });
  let seen = false;
  watcher.on("change", (_event, name) => {
    seen ||= TEMPORARY.test(String(name));
    if (seen) stop.abort();
  });
  try {
    // Woken by the watcher at once; the sleep is for the end.
    while (!seen && !late()) await sleep(50, undefined, { signal: stop.signal }).catch(() => undefined);
  } finally {
    stop.abort();
  }
  return seen;
}
