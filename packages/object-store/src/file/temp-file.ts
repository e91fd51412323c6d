import type { BigIntStats } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { Runtime } from "@headwater/core";
import { isMissing } from "./file-errors.js";
import { freshNonce } from "./file-lock.js";
import { TEMP_PREFIX } from "./names.js";

const LEFTOVER_AGE_MS = 3_600_000;

/** A file beside its destination, whole and on disk before it gets its name. */
export class TempFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #runtime: Runtime;

  private constructor(file: string, handle: FileHandle, runtime: Runtime) {
    this.path = file;
    this.#handle = handle;
    this.#runtime = runtime;
  }

  static async create(folder: string, body: Uint8Array, runtime: Runtime): Promise<TempFile> {
    const file = path.join(folder, `${TEMP_PREFIX}${freshNonce(runtime)}`);
    const temp = new TempFile(file, await fs.open(file, "wx"), runtime);
    try {
      await temp.#handle.writeFile(body);
    } catch (error) {
      await temp.discard();
      throw error;
    }
    return temp;
  }

  /**
   * Stamps the file and makes it durable. The stamp is the clock's with random microseconds, and always later than
   * `laterThanNs`: the system's own stamps stand still for milliseconds, and inode numbers are used again, so without
   * this a file replaced twice could look like its first state.
   */
  async seal(laterThanNs: bigint): Promise<BigIntStats> {
    let micros = BigInt(Math.floor(this.#runtime.clock.nowMs())) * 1000n + BigInt(this.#runtime.random.nextU32() % 1000);
    for (let step = 1n; ; step *= 10n) {
      const floor = laterThanNs / 1000n + step;
      if (micros < floor) micros = floor;
      const seconds = (Number(micros) + 0.5) / 1e6; // The half keeps the conversion from falling into the microsecond before.
      await this.#handle.utimes(seconds, seconds);
      const stats = await this.#handle.stat({ bigint: true });
      if (stats.mtimeNs > laterThanNs || step > 10_000_000n) {
        await this.#handle.sync();
        return stats;
      }
    }
  }

  /** Closes it, and removes its temporary name where it still has it. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await fs.rm(this.path, { force: true });
  }
}

/** Makes the folder with all its parents, durably. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await fs.mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    await syncFolder(path.dirname(at));
    if (at === path.resolve(first) || at === path.dirname(at)) return;
  }
}

/** Makes what was created, renamed or removed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // Windows has no such call, and refuses to open folders.
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes temporary files that a crash left in a folder more than an hour ago. */
export async function sweepLeftovers(folder: string, nowMs: number): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(TEMP_PREFIX)) continue;
    const file = path.join(folder, name);
    try {
      if (nowMs - (await fs.stat(file)).mtimeMs > LEFTOVER_AGE_MS) await fs.rm(file, { force: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
