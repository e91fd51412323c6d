import type { FileHandle, FileStat, FileSystem, OpenMode } from "../file-system.js";
import { MemoryInode } from "./memory-inode.js";
import type { SeededRandom } from "./seeded-random.js";

/** A change of names that no {@link MemoryFileSystem.syncDir} has made durable: each name with its file, or without one. */
type NameChange = ReadonlyMap<string, MemoryInode | undefined>;

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/**
 * Files in memory that keep what was not synced apart: {@link crash} applies, drops or tears each unsynced change by
 * seed, those of names (made, renamed, removed) included. {@link failNext} makes one of the next calls fail (disk
 * full, say). Directories are durable at once.
 */
export class MemoryFileSystem implements FileSystem {
  #names = new Map<string, MemoryInode>();
  #durableNames = new Map<string, MemoryInode>();
  #nameChanges: NameChange[] = [];
  #dirs = new Set<string>(["/"]);
  #nextIno = 1n;
  #ticks = 1n;
  #fail: { countdown: number; code: string; on: "write" | "sync" | "any" } | undefined;
  #generation = 0;
  /** Calls made so far, for fault sweeps. */
  readonly calls: { write: number; sync: number; read: number } = { write: 0, sync: 0, read: 0 };

  /** The `nth` (from 1) following call of that kind throws `code`, once. A write that fails has done its first half. */
  failNext(on: "write" | "sync" | "any", nth = 1, code = "ENOSPC"): void {
    this.#fail = { countdown: nth, code, on };
  }

  /** True while a planned failure has not fired. */
  get failurePending(): boolean {
    return this.#fail !== undefined;
  }

  /**
   * The machine loses power. Open handles are dead afterwards. Of the unsynced changes of names either some first ones
   * survive, as with a journal, or any of them, as POSIX allows.
   */
  crash(random: SeededRandom): void {
    this.#generation += 1;
    const journal = random.chance(0.5);
    const cut = random.below(this.#nameChanges.length + 1);
    this.#nameChanges.forEach((change, i) => {
      if (journal ? i < cut : random.chance(0.5)) rename(this.#durableNames, change);
    });
    this.#nameChanges = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of new Set(this.#names.values())) inode.crash(random);
    this.#fail = undefined;
  }

  /** The process dies, the machine lives: open handles are dead, every byte written stays. */
  kill(): void {
    this.#generation += 1;
    this.#fail = undefined;
  }

  open(path: string, mode: OpenMode): FileHandle {
    if (this.#dirs.has(path)) throw systemError("EISDIR", path);
    let inode = this.#names.get(path);
    if (inode === undefined) {
      if (mode === "r" || mode === "r+" || !this.#dirs.has(parent(path))) throw systemError("ENOENT", path);
      inode = new MemoryInode(this.#nextIno++, this.#ticks++);
      this.#changeNames([[path, inode]]);
    } else if (mode === "wx+") throw systemError("EEXIST", path);
    const handle = new MemoryFileHandle(this, inode, this.#generation, mode !== "r");
    if (mode === "w+" && inode.size > 0) handle.truncate(0);
    return handle;
  }

  stat(path: string): FileStat | undefined {
    if (this.#dirs.has(path)) return { size: 0, mtimeNs: 0n, ino: 0n, isDirectory: true };
    const inode = this.#names.get(path);
    return inode && { size: inode.size, mtimeNs: inode.mtimeNs, ino: inode.ino, isDirectory: false };
  }

  list(dir: string): string[] {
    if (!this.#dirs.has(dir)) throw systemError("ENOENT", dir);
    return [...this.#names.keys(), ...this.#dirs]
      .filter((name) => name !== "/" && parent(name) === dir)
      .map((name) => name.slice(name.lastIndexOf("/") + 1))
      .sort();
  }

  mkdir(dir: string): void {
    for (let d = dir; d !== "/" && d !== "" && d !== "."; d = parent(d)) {
      if (this.#names.has(d)) throw systemError("EEXIST", d);
      this.#dirs.add(d);
    }
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined || !this.#dirs.has(parent(to))) throw systemError("ENOENT", from);
    if (this.#dirs.has(to)) throw systemError("EISDIR", to);
    if (from === to) return;
    this.#changeNames([
      [from, undefined],
      [to, inode],
    ]);
  }

  remove(path: string): void {
    if (this.#dirs.has(path)) throw systemError("EISDIR", path);
    if (this.#names.has(path)) this.#changeNames([[path, undefined]]);
  }

  syncDir(dir: string): void {
    if (!this.#dirs.has(dir)) throw systemError("ENOENT", dir);
    this.tick("sync", dir);
    // From the last to the first, so that what an earlier change did to the same names goes with the later one.
    const names = new Set<string>();
    const durable: NameChange[] = [];
    const left: NameChange[] = [];
    for (const change of [...this.#nameChanges].reverse()) {
      const touched = [...change.keys()].some((name) => parent(name) === dir || names.has(name));
      (touched ? durable : left).unshift(change);
      if (touched) for (const name of change.keys()) names.add(name);
    }
    for (const change of durable) rename(this.#durableNames, change);
    this.#nameChanges = left;
  }

  join(...parts: string[]): string {
    return parts.join("/").replace(/\/+/g, "/");
  }

  /** @internal */
  tick(kind: "write" | "sync" | "read", path: string): void {
    this.calls[kind] += 1;
    const fail = this.#fail;
    if (fail === undefined || kind === "read" || (fail.on !== "any" && fail.on !== kind)) return;
    fail.countdown -= 1;
    if (fail.countdown > 0) return;
    this.#fail = undefined;
    throw systemError(fail.code, path);
  }

  /** @internal */
  alive(generation: number): void {
    if (generation !== this.#generation) throw systemError("EBADF", "(closed by a crash)");
  }

  /** @internal */
  touch(inode: MemoryInode): void {
    inode.mtimeNs = this.#ticks++;
  }

  #changeNames(entries: readonly (readonly [string, MemoryInode | undefined])[]): void {
    const change = new Map(entries);
    rename(this.#names, change);
    this.#nameChanges.push(change);
  }
}

class MemoryFileHandle implements FileHandle {
  readonly #fs: MemoryFileSystem;
  readonly #inode: MemoryInode;
  readonly #generation: number;
  readonly #writable: boolean;
  #open = true;

  constructor(fs: MemoryFileSystem, inode: MemoryInode, generation: number, writable: boolean) {
    this.#fs = fs;
    this.#inode = inode;
    this.#generation = generation;
    this.#writable = writable;
  }

  read(into: Uint8Array, offset: number): number {
    this.#check("read");
    return this.#inode.read(into, offset);
  }

  write(bytes: Uint8Array, offset: number): void {
    if (bytes.byteLength === 0) return; // the real one makes no call
    this.#check("write", () => this.#inode.write(bytes.subarray(0, bytes.byteLength >> 1), offset));
    this.#inode.write(bytes, offset);
    this.#fs.touch(this.#inode);
  }

  truncate(size: number): void {
    if (!this.#writable) throw systemError("EINVAL", "(read only)"); // as ftruncate(2)
    this.#check("write");
    this.#inode.truncate(size);
    this.#fs.touch(this.#inode);
  }

  sync(): void {
    this.#check("sync");
    this.#inode.sync();
  }

  async syncAsync(): Promise<void> {
    this.sync();
  }

  size(): number {
    this.#check("read");
    return this.#inode.size;
  }

  close(): void {
    this.#open = false;
  }

  #check(kind: "write" | "sync" | "read", onFailure?: () => void): void {
    this.#fs.alive(this.#generation);
    if (!this.#open) throw systemError("EBADF", "(closed)");
    if (kind === "write" && !this.#writable) throw systemError("EBADF", "(read only)");
    try {
      this.#fs.tick(kind, `ino ${this.#inode.ino}`);
    } catch (error) {
      onFailure?.();
      throw error;
    }
  }
}

function rename(names: Map<string, MemoryInode>, change: NameChange): void {
  for (const [name, inode] of change) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

function parent(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}
