import type { FileHandle, FileStat, FileSystem, OpenMode } from "../file-system.js";
import type { SeededRandom } from "./seeded-random.js";

const SECTOR_BYTES = 512;

interface Change {
  readonly offset: number;
  readonly bytes: Uint8Array | undefined; // undefined: truncate to offset
}
interface Inode {
  readonly ino: bigint;
  bytes: Uint8Array;
  size: number;
  synced: Uint8Array;
  pending: Change[];
  mtimeNs: bigint;
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/**
 * Files in memory that keep what was not synced apart: {@link crash} applies, drops or tears each unsynced change by
 * seed, and forgets unsynced names. {@link failNext} makes one of the next calls fail (disk full, say).
 */
export class MemoryFileSystem implements FileSystem {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #dirs = new Set<string>(["/"]);
  #nextIno = 1n;
  #ticks = 1n;
  #fail: { countdown: number; code: string; on: "write" | "sync" | "any" } | undefined;
  #generation = 0;
  /** Calls made so far, for fault sweeps. */
  readonly calls: { write: number; sync: number; read: number } = { write: 0, sync: 0, read: 0 };

  /** The `nth` (from 1) following call of that kind throws `code`, once. */
  failNext(on: "write" | "sync" | "any", nth = 1, code = "ENOSPC"): void {
    this.#fail = { countdown: nth, code, on };
  }

  /** True while a planned failure has not fired. */
  get failurePending(): boolean {
    return this.#fail !== undefined;
  }

  /** The machine loses power. Open handles are dead afterwards. */
  crash(random: SeededRandom): void {
    this.#generation += 1;
    const survivors = new Map<string, Inode>();
    for (const [name, inode] of this.#durableNames) survivors.set(name, inode);
    // A name that was not made durable may have reached the disk all the same.
    for (const [name, inode] of this.#names) if (!survivors.has(name) && random.chance(0.5)) survivors.set(name, inode);
    for (const inode of new Set(survivors.values())) {
      let content: Uint8Array = inode.synced.slice();
      for (const change of inode.pending) content = replay(content, change, random);
      inode.bytes = content;
      inode.size = content.byteLength;
      inode.synced = content.slice();
      inode.pending = [];
    }
    this.#names = survivors;
    this.#durableNames = new Map(survivors);
    this.#fail = undefined;
  }

  /** The process dies, the machine lives: open handles are dead, every byte written stays. */
  kill(): void {
    this.#generation += 1;
    this.#fail = undefined;
  }

  open(path: string, mode: OpenMode): FileHandle {
    let inode = this.#names.get(path);
    if (inode === undefined) {
      if (mode === "r" || mode === "r+") throw systemError("ENOENT", path);
      if (!this.#dirs.has(parent(path))) throw systemError("ENOENT", path);
      inode = { ino: this.#nextIno++, bytes: new Uint8Array(0), size: 0, synced: new Uint8Array(0), pending: [], mtimeNs: this.#ticks++ };
      this.#names.set(path, inode);
    } else if (mode === "wx+") throw systemError("EEXIST", path);
    const handle = new MemoryFileHandle(this, inode, this.#generation, mode !== "r");
    if (mode === "w+") handle.truncate(0);
    return handle;
  }

  stat(path: string): FileStat | undefined {
    if (this.#dirs.has(path)) return { size: 0, mtimeNs: 0n, ino: 0n, isDirectory: true };
    const inode = this.#names.get(path);
    return inode && { size: inode.size, mtimeNs: inode.mtimeNs, ino: inode.ino, isDirectory: false };
  }

  list(dir: string): string[] {
    if (!this.#dirs.has(dir)) throw systemError("ENOENT", dir);
    const prefix = dir === "/" ? "/" : `${dir}/`;
    const names = [...this.#names.keys(), ...this.#dirs]
      .filter((n) => n.startsWith(prefix) && n !== dir)
      .map((n) => n.slice(prefix.length));
    return [...new Set(names.filter((n) => n !== "" && !n.includes("/")))].sort();
  }

  mkdir(dir: string): void {
    for (let d = dir; d !== "/" && d !== "" && d !== "."; d = parent(d)) this.#dirs.add(d);
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw systemError("ENOENT", from);
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  remove(path: string): void {
    this.#names.delete(path);
  }

  syncDir(dir: string): void {
    this.tick("sync", dir);
    for (const name of [...this.#durableNames.keys()]) if (parent(name) === dir) this.#durableNames.delete(name);
    for (const [name, inode] of this.#names) if (parent(name) === dir) this.#durableNames.set(name, inode);
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
  touch(inode: { mtimeNs: bigint }): void {
    inode.mtimeNs = this.#ticks++;
  }
}

class MemoryFileHandle implements FileHandle {
  readonly #fs: MemoryFileSystem;
  readonly #inode: Inode;
  readonly #generation: number;
  readonly #writable: boolean;
  #open = true;

  constructor(fs: MemoryFileSystem, inode: Inode, generation: number, writable: boolean) {
    this.#fs = fs;
    this.#inode = inode;
    this.#generation = generation;
    this.#writable = writable;
  }

  read(into: Uint8Array, offset: number): number {
    this.#check("read");
    const n = Math.max(0, Math.min(into.byteLength, this.#inode.size - offset));
    into.set(this.#inode.bytes.subarray(offset, offset + n));
    return n;
  }

  write(bytes: Uint8Array, offset: number): void {
    if (!this.#writable) throw systemError("EBADF", "(read only)");
    this.#check("write");
    const copy = bytes.slice();
    this.#inode.pending.push({ offset, bytes: copy });
    store(this.#inode, copy, offset);
    this.#fs.touch(this.#inode);
  }

  truncate(size: number): void {
    this.#check("write");
    this.#inode.pending.push({ offset: size, bytes: undefined });
    resize(this.#inode, size);
    this.#fs.touch(this.#inode);
  }

  sync(): void {
    this.#check("sync");
    this.#inode.synced = this.#inode.bytes.slice(0, this.#inode.size);
    this.#inode.pending = [];
  }

  size(): number {
    this.#check("read");
    return this.#inode.size;
  }

  close(): void {
    this.#open = false;
  }

  #check(kind: "write" | "sync" | "read"): void {
    this.#fs.alive(this.#generation);
    if (!this.#open) throw systemError("EBADF", "(closed)");
    this.#fs.tick(kind, `ino ${this.#inode.ino}`);
  }
}

function store(inode: { bytes: Uint8Array; size: number }, bytes: Uint8Array, offset: number): void {
  const end = offset + bytes.byteLength;
  if (end > inode.bytes.byteLength) {
    const grown = new Uint8Array(Math.max(end, inode.bytes.byteLength * 2));
    grown.set(inode.bytes.subarray(0, inode.size));
    inode.bytes = grown;
  }
  if (offset > inode.size) inode.bytes.fill(0, inode.size, offset);
  inode.bytes.set(bytes, offset);
  inode.size = Math.max(inode.size, end);
}

function resize(inode: { bytes: Uint8Array; size: number }, size: number): void {
  if (size < inode.size) inode.bytes.fill(0, size, inode.size);
  else if (size > inode.size) store(inode, new Uint8Array(size - inode.size), inode.size);
  inode.size = size;
}

/** One unsynced change after a crash: applied, dropped, or torn at a sector. */
function replay(content: Uint8Array, change: Change, random: SeededRandom): Uint8Array {
  const fate = random.below(3);
  if (fate === 0) return content;
  const file = { bytes: content, size: content.byteLength };
  if (change.bytes === undefined) resize(file, change.offset);
  else {
    const sectors = Math.ceil(change.bytes.byteLength / SECTOR_BYTES);
    const kept = fate === 1 ? change.bytes.byteLength : Math.min(change.bytes.byteLength, random.below(sectors + 1) * SECTOR_BYTES);
    if (kept > 0) store(file, change.bytes.subarray(0, kept), change.offset);
  }
  return file.bytes.slice(0, file.size);
}

function parent(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}
