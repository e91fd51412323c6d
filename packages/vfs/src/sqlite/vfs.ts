import { type Clock, type Random, SqliteError } from "@headwater/core";
import type { DatabaseFile } from "../database-file.js";
import {
  SQLITE_CANTOPEN,
  SQLITE_OK,
  SQLITE_OPEN_DELETEONCLOSE,
  SQLITE_OPEN_MAIN_DB,
  SQLITE_OPEN_MAIN_JOURNAL,
  SQLITE_OPEN_SUPER_JOURNAL,
  SQLITE_OPEN_WAL,
} from "./constants.js";
import type { Heap } from "./heap.js";
import { ioMethods } from "./io-methods.js";
import { MainFile } from "./main-file.js";
import type { TempFiles } from "./private-bytes.js";
import { Journals, TempFile } from "./private-files.js";
import { toResultCode, type VfsCall } from "./result-codes.js";
import type { FailureSink, VfsClient, VfsFile } from "./vfs-file.js";
import type { LoadedSqlite, Ptr } from "./wasm.js";

/** Under this name the VFS is registered, as the default. */
export const VFS_NAME = "headwater";
const NAME_BYTES_MAX = 1024;
const JOURNAL_SUFFIX = "-journal";
const [HYPHEN, LETTER_A, LETTER_L] = [0x2d, 0x61, 0x6c];
const DAY_MS = 86_400_000;
/** Julian day of the Unix epoch. */
const EPOCH_JULIAN_DAY = 2440587.5;

/** What the VFS takes from outside. */
export interface VfsPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly temp: TempFiles;
}

interface Main {
  readonly file: DatabaseFile;
  readonly sink: FailureSink;
  open: MainFile | undefined;
}

/**
 * The VFS of one SQLite instance. Main databases are those that {@link HeadwaterVfs.add} was told of; journals and
 * temporary files are private to it. Nothing throws across the WASM boundary: what does is turned into a result code
 * here and in io-methods.ts, and told to the connection.
 */
export class HeadwaterVfs {
  readonly journals: Journals;
  /** The connection that SQLite works for at the moment: it gets to know of failures of files that have no name. */
  active: VfsClient | undefined;
  readonly #heap: Heap;
  readonly #ports: VfsPorts;
  readonly #mains = new Map<string, Main>();
  readonly #slots: (VfsFile | undefined)[] = [undefined];
  readonly #freeSlots: number[] = [];
  readonly #waitCell = new Int32Array(new SharedArrayBuffer(4));

  constructor(heap: Heap, ports: VfsPorts) {
    this.#heap = heap;
    this.#ports = ports;
    this.journals = new Journals(ports.temp);
  }

  /** Lets SQLite open `file` under `name`, until it closes it. */
  add(name: string, file: DatabaseFile, sink: FailureSink): void {
    if (this.#mains.has(name)) throw new SqliteError("SQLITE_MISUSE", `a database of that name is open name=${name}`);
    this.#mains.set(name, { file, sink, open: undefined });
  }

  /** Takes back an {@link HeadwaterVfs.add} that SQLite made no use of. Returns whether that was so. */
  remove(name: string): boolean {
    const unused = this.#mains.get(name)?.open === undefined;
    return unused && this.#mains.delete(name);
  }

  /** Builds the C structs and registers them. They stay for the life of the instance. */
  register(loaded: LoadedSqlite): void {
    const { vfsStruct } = loaded;
    const methods = ioMethods(loaded, this.#heap, this);
    const vfs = this.#heap.allocate(vfsStruct.sizeof);
    this.#heap.view(vfs, vfsStruct.sizeof).fill(0);
    const set = (member: string, value: number): void => this.#heap.setI32(vfs + (vfsStruct.members[member]?.offset ?? 0), value);
    const install = (member: string, call: VfsCall, fn: (...args: never[]) => number): void => {
      const guarded = ((...args: never[]) => this.guard(call, () => fn(...args))) as typeof fn;
      set(member, loaded.installFunction(vfsStruct.members[member]?.signature ?? "", guarded));
    };
    set("iVersion", 2);
    set("szOsFile", 8);
    set("mxPathname", NAME_BYTES_MAX);
    set("zName", this.#heap.permanentCString(VFS_NAME));
    install("xOpen", "open", (_vfs: Ptr, name: Ptr, out: Ptr, flags: number, outFlags: Ptr) =>
      this.#xOpen(methods, name, out, flags, outFlags),
    );
    install("xDelete", "delete", (_vfs: Ptr, name: Ptr) => this.#xDelete(name));
    install("xAccess", "access", (_vfs: Ptr, name: Ptr, _flags: number, out: Ptr) => this.#xAccess(name, out));
    install("xFullPathname", "name", (_vfs: Ptr, name: Ptr, bytes: number, out: Ptr) => this.#xFullPathname(name, bytes, out));
    install("xRandomness", "control", (_vfs: Ptr, bytes: number, out: Ptr) => this.#xRandomness(bytes, out));
    install("xSleep", "control", (_vfs: Ptr, microseconds: number) => this.#xSleep(microseconds));
    install("xCurrentTime", "control", (_vfs: Ptr, out: Ptr) => this.#xCurrentTime(out));
    install("xCurrentTimeInt64", "control", (_vfs: Ptr, out: Ptr) => this.#xCurrentTimeInt64(out));
    install("xGetLastError", "control", () => 0);
    const code = loaded.exports.sqlite3_vfs_register(vfs, 1);
    if (code !== SQLITE_OK) throw new SqliteError("SQLITE_ERROR", `sqlite3_vfs_register failed code=${code}`);
    this.#unregisterOthers(loaded, vfs);
  }

  /** Otherwise SQL could open `file:x?vfs=memdb` past this one, and lose what it writes there. */
  #unregisterOthers(loaded: LoadedSqlite, own: Ptr): void {
    const next = loaded.vfsStruct.members["pNext"]?.offset ?? 0;
    const others: Ptr[] = [];
    for (let vfs = loaded.exports.sqlite3_vfs_find(0); vfs !== 0; vfs = this.#heap.getI32(vfs + next)) if (vfs !== own) others.push(vfs);
    for (const vfs of others) loaded.exports.sqlite3_vfs_unregister(vfs);
  }

  /** Runs `body`; whatever it throws becomes a result code, and its connection is told. */
  guard(call: VfsCall, body: () => number, file?: VfsFile): number {
    try {
      return body();
    } catch (error) {
      return this.failed(call, error, file);
    }
  }

  /** The result code for `error`, of which the file's connection (else the active one) is told. */
  failed(call: VfsCall, error: unknown, file: VfsFile | undefined): number {
    const code = toResultCode(error, call);
    (file === undefined ? this.active : (file.sink ?? this.active))?.noteFailure(code, error);
    return code;
  }

  /** The open file of a sqlite3_file. A slot number lies behind its pMethods. */
  fileAt(pFile: Ptr): VfsFile {
    const file = this.#slots[this.#heap.getI32(pFile + 4)];
    if (file === undefined) throw new SqliteError("SQLITE_MISUSE", "a call on a file that is not open");
    return file;
  }

  /** As {@link fileAt}, `undefined` where nothing is open. */
  tryFileAt(pFile: Ptr): VfsFile | undefined {
    return this.#slots[this.#heap.getI32(pFile + 4)];
  }

  /** Forgets the file behind a sqlite3_file. */
  release(pFile: Ptr): void {
    const slot = this.#heap.getI32(pFile + 4);
    const file = this.#slots[slot];
    if (file === undefined) return;
    this.#slots[slot] = undefined;
    this.#freeSlots.push(slot);
    for (const [name, main] of this.#mains) if (main.open === file) this.#mains.delete(name);
  }

  /** How many files are open. For tests. */
  get openFiles(): number {
    return this.#slots.length - 1 - this.#freeSlots.length;
  }

  #xOpen(methods: Ptr, namePtr: Ptr, out: Ptr, flags: number, outFlags: Ptr): number {
    // SQLite calls xClose when pMethods is set, also after a failed open.
    this.#heap.setI32(out, 0);
    const file = this.#openFile(namePtr === 0 ? undefined : this.#heap.cString(namePtr), flags);
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    this.#slots[slot] = file;
    this.#heap.setI32(out, methods);
    this.#heap.setI32(out + 4, slot);
    if (outFlags !== 0) this.#heap.setI32(outFlags, flags);
    return SQLITE_OK;
  }

  #openFile(name: string | undefined, flags: number): VfsFile {
    if (name === undefined || name === "" || (flags & SQLITE_OPEN_DELETEONCLOSE) !== 0) return new TempFile(this.#ports.temp, this.active);
    const superJournal = (flags & SQLITE_OPEN_SUPER_JOURNAL) !== 0;
    if (superJournal || (flags & SQLITE_OPEN_MAIN_JOURNAL) !== 0) {
      const main = superJournal ? undefined : this.#mains.get(name.slice(0, -JOURNAL_SUFFIX.length));
      return this.journals.open({ name, flags, superJournal, watcher: main?.open, sink: main?.sink ?? this.active });
    }
    if ((flags & SQLITE_OPEN_WAL) !== 0) throw new SqliteError("SQLITE_CANTOPEN", `a write-ahead log can't be opened here name=${name}`);
    const main = (flags & SQLITE_OPEN_MAIN_DB) === 0 ? undefined : (this.#mains.get(name) ?? this.#addAttached(name));
    if (main === undefined) throw new SqliteError("SQLITE_CANTOPEN", `no database was opened under that name name=${name}`);
    if (main.open !== undefined) throw new SqliteError("SQLITE_CANTOPEN", `the database is open already name=${name}`);
    main.open = new MainFile(this.#heap, main.file, main.sink);
    return main.open;
  }

  #addAttached(path: string): Main | undefined {
    const file = this.active?.openAttached(path);
    if (this.active === undefined || file === undefined) return undefined;
    const main: Main = { file, sink: this.active, open: undefined };
    this.#mains.set(path, main);
    return main;
  }

  #xDelete(name: Ptr): number {
    this.journals.delete(this.#heap.cString(name));
    return SQLITE_OK;
  }

  #xAccess(namePtr: Ptr, out: Ptr): number {
    this.#heap.setI32(out, this.#exists(namePtr) ? 1 : 0);
    return SQLITE_OK;
  }

  #exists(namePtr: Ptr): boolean {
    // Every transaction asks for its journal and its WAL, mostly while there is none of any.
    if (this.journals.none && this.#isJournalName(namePtr)) return false;
    const name = this.#heap.cString(namePtr);
    return this.journals.exists(name) || this.#mains.has(name);
  }

  /** Ends in -journal or -wal. */
  #isJournalName(namePtr: Ptr): boolean {
    const u8 = this.#heap.u8();
    const end = u8.indexOf(0, namePtr);
    return u8[end - 1] === LETTER_L && u8[end - 2] === LETTER_A && (u8[end - 8] === HYPHEN || u8[end - 4] === HYPHEN) && end - namePtr > 8;
  }

  #xFullPathname(name: Ptr, bytes: number, out: Ptr): number {
    const text = this.#heap.cString(name);
    const path = new TextEncoder().encode(`${this.active?.fullPath(text) ?? text}\0`);
    if (path.byteLength > bytes) return SQLITE_CANTOPEN;
    this.#heap.u8().set(path, out);
    return SQLITE_OK;
  }

  #xRandomness(bytes: number, out: Ptr): number {
    const into = this.#heap.view(out, bytes);
    for (let i = 0; i < bytes; i += 1) into[i] = this.#ports.random.nextU32();
    return bytes;
  }

  /** Waits for real, rounded up to milliseconds; sqlite-wasm's own spins. Returns the microseconds. */
  #xSleep(microseconds: number): number {
    const ms = Math.max(1, Math.ceil(microseconds / 1000));
    Atomics.wait(this.#waitCell, 0, 0, ms);
    return ms * 1000;
  }

  #xCurrentTime(out: Ptr): number {
    const day = EPOCH_JULIAN_DAY + this.#ports.clock.nowMs() / DAY_MS;
    this.#heap.view(out, 8).set(new Uint8Array(Float64Array.of(day).buffer));
    return SQLITE_OK;
  }

  #xCurrentTimeInt64(out: Ptr): number {
    this.#heap.setI64(out, Math.round(EPOCH_JULIAN_DAY * DAY_MS + this.#ports.clock.nowMs()));
    return SQLITE_OK;
  }
}
