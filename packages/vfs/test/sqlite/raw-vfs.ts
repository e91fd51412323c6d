import { ManualRuntime, MemoryFileSystem } from "@headwater/core/testing";
import type { DatabaseFile } from "../../src/database-file.js";
import { Heap } from "../../src/sqlite/heap.js";
import { compileSqlite } from "../../src/sqlite/module.js";
import { tempFilesIn } from "../../src/sqlite/private-bytes.js";
import { HeadwaterVfs } from "../../src/sqlite/vfs.js";
import type { FailureSink } from "../../src/sqlite/vfs-file.js";
import { instantiateSqlite, type LoadedSqlite, type Ptr } from "../../src/sqlite/wasm.js";

type Fn = (...args: (number | bigint)[]) => number;

/** A file as SQLite's C code sees it: every call goes through the function table and back. */
export class RawFile {
  readonly code: number;
  readonly #raw: RawVfs;
  readonly #ptr: Ptr;

  constructor(raw: RawVfs, ptr: Ptr, code: number) {
    this.#raw = raw;
    this.#ptr = ptr;
    this.code = code;
  }

  /** SQLite calls xClose only where this is true. */
  get hasMethods(): boolean {
    return this.#raw.heap.getI32(this.#ptr) !== 0;
  }

  #call(member: string, ...args: (number | bigint)[]): number {
    const methods = this.#raw.heap.getI32(this.#ptr);
    return this.#raw.member(methods, this.#raw.loaded.ioMethodsStruct, member)(this.#ptr, ...args);
  }

  /** Reads over bytes of 0xee, so that what is not written shows. */
  read(offset: number, bytes: number): { readonly code: number; readonly bytes: Uint8Array } {
    const at = this.#raw.heap.allocate(bytes + 1);
    this.#raw.heap.view(at, bytes + 1).fill(0xee);
    const code = this.#call("xRead", at, bytes, BigInt(offset));
    const out = this.#raw.heap.view(at, bytes).slice();
    const untouched = this.#raw.heap.view(at + bytes, 1)[0] === 0xee;
    this.#raw.heap.exports.free(at);
    if (!untouched) throw new Error("xRead wrote past its buffer");
    return { code, bytes: out };
  }
  write(offset: number, data: Uint8Array): number {
    return this.#raw.heap.withBytes(data, (ptr, bytes) => this.#call("xWrite", ptr, bytes, BigInt(offset)));
  }
  truncate(size: number): number {
    return this.#call("xTruncate", BigInt(size));
  }
  sync(): number {
    return this.#call("xSync", 2);
  }
  size(): number {
    const out = this.#raw.heap.allocate(8);
    const code = this.#call("xFileSize", out);
    const size = new DataView(this.#raw.heap.view(out, 8).slice().buffer).getBigInt64(0, true);
    this.#raw.heap.exports.free(out);
    if (code !== 0) throw new Error(`xFileSize answered ${code}`);
    return Number(size);
  }
  lock(level: number): number {
    return this.#call("xLock", level);
  }
  unlock(level: number): number {
    return this.#call("xUnlock", level);
  }
  reserved(): boolean {
    const out = this.#raw.heap.allocate(4);
    this.#call("xCheckReservedLock", out);
    const reserved = this.#raw.heap.getI32(out) !== 0;
    this.#raw.heap.exports.free(out);
    return reserved;
  }
  control(op: number): number {
    return this.#call("xFileControl", op, 0);
  }
  pragma(name: string, value: string | undefined): { readonly code: number; readonly result: string | undefined } {
    const { heap } = this.#raw;
    const arg = heap.allocate(12);
    heap.setI32(arg, 0);
    heap.setI32(arg + 4, heap.permanentCString(name));
    heap.setI32(arg + 8, value === undefined ? 0 : heap.permanentCString(value));
    const code = this.#call("xFileControl", 14, arg);
    return { code, result: heap.cStringOr(heap.getI32(arg)) };
  }
  close(): number {
    return this.#call("xClose");
  }
}

/** The VFS as C code sees it, in an instance of its own, with temporary files in memory and a clock that stands. */
export class RawVfs {
  readonly loaded: LoadedSqlite;
  readonly heap: Heap;
  readonly vfs: HeadwaterVfs;
  readonly runtime: ManualRuntime = new ManualRuntime();
  readonly fs: MemoryFileSystem = new MemoryFileSystem();
  /** What the VFS reported, newest last. */
  readonly failures: { code: number; error: unknown }[] = [];
  readonly sink: FailureSink = { noteFailure: (code, error) => this.failures.push({ code, error }) };

  private constructor(loaded: LoadedSqlite) {
    this.loaded = loaded;
    this.heap = new Heap(loaded);
    const { clock, random } = this.runtime;
    let files = 0;
    const temp = tempFilesIn(this.fs, "/tmp/own", () => `f${files++}`);
    this.vfs = new HeadwaterVfs(this.heap, { clock, random, temp });
    this.vfs.register(loaded);
    this.vfs.active = { ...this.sink, fullPath: () => undefined, openAttached: () => undefined };
  }

  static async load(): Promise<RawVfs> {
    return new RawVfs(await instantiateSqlite(await compileSqlite()));
  }

  /** @internal */
  member(struct: Ptr, info: LoadedSqlite["vfsStruct"], name: string): Fn {
    const pointer = this.heap.getI32(struct + (info.members[name]?.offset ?? 0));
    const table = (this.loaded.exports as unknown as { __indirect_function_table: { get(i: number): Fn } }).__indirect_function_table;
    return table.get(pointer);
  }

  /** Calls a method of the sqlite3_vfs. */
  call(name: string, ...args: (number | bigint)[]): number {
    const find = (this.loaded.exports as unknown as { sqlite3_vfs_find(name: number): Ptr }).sqlite3_vfs_find;
    const vfs = find(0);
    return this.member(vfs, this.loaded.vfsStruct, name)(vfs, ...args);
  }

  add(name: string, file: DatabaseFile): void {
    this.vfs.add(name, file, this.sink);
  }

  open(name: string | undefined, flags: number): RawFile {
    const pFile = this.heap.allocate(8);
    this.heap.view(pFile, 8).fill(0xee);
    const code = this.call("xOpen", name === undefined ? 0 : this.heap.permanentCString(name), pFile, flags, 0);
    return new RawFile(this, pFile, code);
  }
  exists(name: string): boolean {
    const out = this.heap.allocate(4);
    this.call("xAccess", this.heap.permanentCString(name), 0, out);
    return this.heap.getI32(out) !== 0;
  }
  delete(name: string): number {
    return this.call("xDelete", this.heap.permanentCString(name), 0);
  }
}
