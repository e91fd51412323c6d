import type { BigIntStats } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import path from "node:path";
import { HeadwaterError, type Runtime, throwIfAborted } from "@headwater/core";
import { patientRuntime } from "@headwater/core/node";
import { checkMetadata, checkPrefix } from "../keys.js";
import { pageSizeOf } from "../list-pages.js";
import type {
  CallOptions,
  ETag,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ListPage,
  ObjectStore,
  PutOptions,
  PutResult,
} from "../port.js";
import { checkRange, resolveRange } from "../ranges.js";
import { closed, notFound, preconditionFailed } from "../store-errors.js";
import { etagOf } from "./etag.js";
import { fileError, isMissing, systemCode } from "./file-errors.js";
import { withFileLock } from "./file-lock.js";
import { listFiles } from "./listing.js";
import { pathOf } from "./names.js";
import { makeFolder, sweepLeftovers, syncFolder, TempFile } from "./temp-file.js";

/**
 * An object store in a local directory: a key is a path below it.
 *
 * - A reader sees an object whole or not at all, also after a crash: bytes are on disk before the name is.
 * - `ifNoneMatch` is one `link` call, atomic between threads and processes. `ifMatch`, plain puts and deletes hold a lock
 *   file beside the object meanwhile, so they are too, between all that use this class on one machine.
 * - The ETag is inode, modification time and size; replacing an object always moves its time on.
 * - User metadata is dropped. Folders are never removed. Other programs must replace files, not write into them.
 */
export class FileObjectStore implements ObjectStore {
  readonly description: string;
  readonly #dir: string;
  readonly #runtime: Runtime;
  readonly #swept: Set<string> = new Set();
  #closed = false;

  /** @param dir - An absolute path, or one relative to the current directory. Made by the first put where it is missing. */
  constructor(dir: string, options: { readonly runtime?: Runtime } = {}) {
    this.#dir = path.resolve(dir);
    this.#runtime = options.runtime ?? patientRuntime;
    this.description = `file:${this.#dir}`;
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    const file = this.#begin(key, options);
    if (options.range !== undefined) checkRange(options.range);
    return this.#translate("get", key, async () => {
      const handle = await this.#open(file, key);
      try {
        const before = await handle.stat({ bigint: true });
        if (!before.isFile()) throw notFound(key, this.description);
        const etag = etagOf(before);
        if (options.ifMatch !== undefined && options.ifMatch !== etag) throw preconditionFailed(key, this.description);
        const size = Number(before.size);
        const { start, end } = resolveRange(options.range, size, key);
        const body = await readExactly(handle, start, end - start, options.signal);
        // We never write into a file that has its name, but another program might have.
        if (body === undefined || etagOf(await handle.stat({ bigint: true })) !== etag) {
          throw new HeadwaterError("STORE_UNAVAILABLE", `the file changed while it was read; key=${key} store=${this.description}`);
        }
        return { body, start, etag, size, dateMs: this.#runtime.clock.nowMs(), metadata: {} };
      } finally {
        await handle.close();
      }
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<HeadResult> {
    const file = this.#begin(key, options);
    return this.#translate("head", key, async () => {
      const stats = await statFile(file);
      if (stats === undefined) throw notFound(key, this.description);
      const lastModifiedMs = Number(stats.mtimeNs / 1_000_000n);
      return { key, size: Number(stats.size), etag: etagOf(stats), lastModifiedMs, dateMs: this.#runtime.clock.nowMs(), metadata: {} };
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    const file = this.#begin(key, options);
    checkMetadata(options.metadata ?? {});
    return this.#translate("put", key, async () => {
      const folder = path.dirname(file);
      await makeFolder(folder);
      await this.#sweep(folder);
      const temp = await TempFile.create(folder, body, this.#runtime);
      try {
        const { precondition } = options;
        const etag =
          precondition !== undefined && "ifNoneMatch" in precondition
            ? await this.#create(file, key, temp, options)
            : await this.#replace(file, key, temp, precondition?.ifMatch, options);
        await syncFolder(folder);
        return { etag, dateMs: this.#runtime.clock.nowMs() };
      } finally {
        await temp.discard();
      }
    });
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    const file = this.#begin(key, options);
    await this.#translate("delete", key, async () => {
      if ((await statFile(file)) === undefined) return;
      await withFileLock(file, this.#runtime, options.signal, () => fs.rm(file, { force: true }));
      await syncFolder(path.dirname(file));
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    checkPrefix(prefix);
    const pageSize = pageSizeOf(options);
    for (let after = options.startAfter; ; ) {
      throwIfAborted(options.signal);
      if (this.#closed) throw closed(this.description);
      const from = after;
      const { objects, truncated } = await this.#translate("list", prefix, () => listFiles(this.#dir, prefix, from, pageSize));
      yield { objects, truncated, dateMs: this.#runtime.clock.nowMs() };
      if (!truncated) return;
      after = objects.at(-1)?.key;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #create(file: string, key: string, temp: TempFile, { signal, beforeSend }: PutOptions): Promise<ETag> {
    const stats = await temp.seal(0n);
    throwIfAborted(signal);
    beforeSend?.();
    try {
      await fs.link(temp.path, file);
    } catch (error) {
      if (systemCode(error) === "EEXIST") throw preconditionFailed(key, this.description);
      throw error;
    }
    return etagOf(stats);
  }

  #replace(file: string, key: string, temp: TempFile, ifMatch: ETag | undefined, { signal, beforeSend }: PutOptions): Promise<ETag> {
    return withFileLock(file, this.#runtime, signal, async () => {
      const old = await statFile(file);
      if (ifMatch !== undefined && (old === undefined || etagOf(old) !== ifMatch)) throw preconditionFailed(key, this.description);
      const stats = await temp.seal(old?.mtimeNs ?? 0n);
      throwIfAborted(signal);
      beforeSend?.();
      await fs.rename(temp.path, file);
      return etagOf(stats);
    });
  }

  async #open(file: string, key: string): Promise<FileHandle> {
    try {
      return await fs.open(file, "r");
    } catch (error) {
      if (isMissing(error)) throw notFound(key, this.description);
      throw error;
    }
  }

  async #sweep(folder: string): Promise<void> {
    if (this.#swept.has(folder)) return;
    this.#swept.add(folder);
    await sweepLeftovers(folder, this.#runtime.clock.nowMs());
  }

  #begin(key: string, options: CallOptions): string {
    const file = pathOf(this.#dir, key);
    throwIfAborted(options.signal);
    if (this.#closed) throw closed(this.description);
    return file;
  }

  async #translate<T>(verb: string, key: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw fileError(error, verb, key, this.description);
    }
  }
}

/** Nothing where there is no plain file. */
async function statFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await fs.stat(file, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Nothing where the file ended before. */
async function readExactly(
  handle: FileHandle,
  start: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const body = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    throwIfAborted(signal);
    const { bytesRead } = await handle.read(body, done, Math.min(length - done, 1 << 24), start + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return body;
}
