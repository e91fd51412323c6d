import type { FileHandle, FileSystem } from "@headwater/core";
import { type TXID, txid } from "@headwater/core";
import { MemoryFileSystem, SeededRandom } from "@headwater/core/testing";
import { CommitLog, type CommitLogOptions, type LogBase, LogReader, type Published } from "../src/index.js";

export const ROUNDS: number = Number(process.env["HEADWATER_ROUNDS"] ?? "1");
export const PAGE_SIZE = 512;
export const DIR = "/db/buffer";
export const IDENTITY = "memory:test/app";
export const EMPTY_BASE: LogBase = { txid: txid(0n), fileChecksum: 0n, commit: 0, timestampMs: 0 };

export function memoryFs(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.mkdir("/db");
  return fs;
}

export type CallKind = "read" | "write" | "truncate" | "sync" | "name";

/** Asks a hook before every call on files; the hook may throw. */
export class HookedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  hook: (kind: CallKind) => void = () => undefined;

  constructor(inner: FileSystem) {
    this.#inner = inner;
  }

  open(path: string, mode: Parameters<FileSystem["open"]>[1], permissions?: number): FileHandle {
    this.hook(mode === "r" || mode === "r+" ? "read" : "name");
    const handle = this.#inner.open(path, mode, permissions);
    const ask = (kind: CallKind): void => this.hook(kind);
    return {
      read: (into, offset) => {
        ask("read");
        return handle.read(into, offset);
      },
      write: (bytes, offset) => {
        ask("write");
        handle.write(bytes, offset);
      },
      truncate: (size) => {
        ask("truncate");
        handle.truncate(size);
      },
      sync: () => {
        ask("sync");
        handle.sync();
      },
      size: () => handle.size(),
      close: () => handle.close(),
    };
  }
  stat(path: string): ReturnType<FileSystem["stat"]> {
    return this.#inner.stat(path);
  }
  list(dir: string): string[] {
    return this.#inner.list(dir);
  }
  mkdir(dir: string): void {
    this.hook("name");
    this.#inner.mkdir(dir);
  }
  rename(from: string, to: string): void {
    this.hook("name");
    this.#inner.rename(from, to);
  }
  remove(path: string): void {
    this.hook("name");
    this.#inner.remove(path);
  }
  syncDir(dir: string): void {
    this.hook("sync");
    this.#inner.syncDir(dir);
  }
  join(...parts: string[]): string {
    return this.#inner.join(...parts);
  }
}

export function diskFull(): Error {
  return Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
}

/** A log, what it published, and a reader of it. */
export interface OpenLog {
  readonly log: CommitLog;
  readonly reader: LogReader;
  readonly published: () => Published;
}

export function openLog(fs: FileSystem, more: Partial<CommitLogOptions> = {}): OpenLog {
  const pageSize = more.recovered?.pageSize ?? more.pageSize ?? PAGE_SIZE;
  let newest: Published = { sequence: more.recovered?.sequence ?? 0, endOffset: more.recovered?.endOffset ?? 0 };
  const signal = {
    published: (sequence: number, endOffset: number): void => {
      newest = { sequence, endOffset };
    },
  };
  const log = CommitLog.open({
    fs,
    dir: DIR,
    pageSize,
    base: EMPTY_BASE,
    identity: IDENTITY,
    owner: "host:1:aa",
    writerId: 0xaan,
    random: new SeededRandom(7),
    signal,
    ...more,
  });
  const published = (): Published => newest;
  return { log, reader: new LogReader({ fs, dir: DIR, pageSize, published }), published };
}

/** A page whose bytes say where it is from. */
export function pageOf(seed: number, pageSize: number = PAGE_SIZE): Uint8Array {
  const page = new Uint8Array(pageSize);
  new DataView(page.buffer).setUint32(pageSize - 4, seed);
  page.fill(seed & 0xff, 128, 160);
  return page;
}

/** Page 1 as SQLite leaves it at a commit: the size, and two equal counters that vouch for it. */
export function pageOne(counter: number, sizePages: number, pageSize: number = PAGE_SIZE): Uint8Array {
  const page = pageOf(counter, pageSize);
  const view = new DataView(page.buffer);
  page.set(new TextEncoder().encode("SQLite format 3\0"));
  view.setUint16(16, pageSize === 65_536 ? 1 : pageSize);
  view.setUint32(24, counter);
  view.setUint32(28, sizePages);
  view.setUint32(92, counter);
  return page;
}

/** The plain state of a database: its pages, in order. */
export type State = readonly Uint8Array[];

export function zeroPage(pageSize: number = PAGE_SIZE): Uint8Array {
  return new Uint8Array(pageSize);
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function sameState(a: State, b: State): boolean {
  return a.length === b.length && a.every((page, i) => same(page, b[i] ?? new Uint8Array(0)));
}

/** One whole transaction, as SQLite makes it: pages by number, the size after it, then the steps of a commit. */
export function commit(
  log: CommitLog,
  counter: number,
  sizePages: number,
  pages: Readonly<Record<number, Uint8Array>>,
  durable = false,
): number {
  for (const [pgno, page] of Object.entries(pages)) log.write(Number(pgno), page);
  log.write(1, pageOne(counter, sizePages));
  if (sizePages > log.sizePages(0)) log.write(sizePages, zeroPage());
  log.completeRecord();
  log.sync(durable);
  if (log.sizePages(0) > sizePages) log.truncate(sizePages);
  const sequence = log.publish();
  log.unlock();
  if (sequence === undefined) throw new Error("nothing was published");
  return sequence;
}

/** Applies published transactions, as the reader shows them, to a state. Naive on purpose. */
export function replay(reader: LogReader, state: State, from: number, to: number): Uint8Array[] {
  const pages = [...state];
  for (const t of reader.transactions(from, to)) {
    pages.length = Math.min(pages.length, t.minSizePages);
    while (pages.length < t.commit) pages.push(zeroPage());
    for (const [pgno, address] of t.pages) {
      const page = zeroPage();
      reader.readPage(address, page);
      pages[pgno - 1] = page;
    }
  }
  return pages;
}

export function tx(value: number | bigint): TXID {
  return txid(value);
}
