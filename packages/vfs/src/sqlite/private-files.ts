import { SqliteError } from "@headwater/core";
import { SQLITE_IOERR_SHORT_READ, SQLITE_NOTFOUND, SQLITE_OK, SQLITE_OPEN_CREATE, SQLITE_OPEN_EXCLUSIVE } from "./constants.js";
import { PrivateBytes, type TempFiles } from "./private-bytes.js";
import type { FailureSink, VfsFile } from "./vfs-file.js";

/** A temporary file or a statement journal: one handle, no name, gone when closed. */
export class TempFile implements VfsFile {
  readonly sink: FailureSink | undefined;
  readonly #bytes: PrivateBytes;

  constructor(temp: TempFiles, sink: FailureSink | undefined) {
    this.#bytes = new PrivateBytes(temp);
    this.sink = sink;
  }

  read(into: Uint8Array, offset: number): number {
    return this.#bytes.read(into, offset) < into.byteLength ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
  }
  write(data: Uint8Array, offset: number): void {
    this.#bytes.write(data, offset);
  }
  truncate(size: number): void {
    this.#bytes.truncate(size);
  }
  sync(): void {}
  size(): number {
    return this.#bytes.size;
  }
  lock(): void {}
  unlock(): void {}
  reserved(): boolean {
    return false;
  }
  control(): number {
    return SQLITE_NOTFOUND;
  }
  close(): void {
    this.#bytes.close();
  }
}

/** A journal or super-journal: its bytes, and how many handles there are on them. */
interface Named {
  readonly bytes: PrivateBytes;
  readonly keptUntilDelete: boolean;
  handles: number;
}

/** Told of the database's journal: that it was synced twice around its header, which only FULL and EXTRA do. */
export interface JournalWatcher {
  journalOpened(): void;
  journalSyncedTwice(): void;
}

/** Which journal to open. */
export interface JournalRequest {
  readonly name: string;
  /** SQLITE_OPEN_ flags. */
  readonly flags: number;
  /** A super-journal lives until xDelete, a journal until its last handle closes. */
  readonly superJournal: boolean;
  readonly watcher: JournalWatcher | undefined;
  readonly sink: FailureSink | undefined;
}

/**
 * The journals of all databases of this thread. Nothing of them survives the process, so none is ever hot; within it
 * `exists` answers truthfully, because SQLite decides by it whether a rollback has something to play back.
 */
export class Journals {
  readonly #temp: TempFiles;
  readonly #named = new Map<string, Named>();

  constructor(temp: TempFiles) {
    this.#temp = temp;
  }

  exists(name: string): boolean {
    return this.#named.has(name);
  }

  /** True while there is no journal at all. */
  get none(): boolean {
    return this.#named.size === 0;
  }

  /** Names that exist. For tests and for closing a database. */
  names(): string[] {
    return [...this.#named.keys()];
  }

  open(request: JournalRequest): VfsFile {
    const { name, flags } = request;
    let named = this.#named.get(name);
    if (named === undefined) {
      if ((flags & SQLITE_OPEN_CREATE) === 0) throw new SqliteError("SQLITE_CANTOPEN", `no such journal name=${name}`);
      named = { bytes: new PrivateBytes(this.#temp), keptUntilDelete: request.superJournal, handles: 0 };
      this.#named.set(name, named);
      request.watcher?.journalOpened();
    } else if ((flags & SQLITE_OPEN_EXCLUSIVE) !== 0) {
      throw new SqliteError("SQLITE_CANTOPEN", `the journal exists already name=${name}`);
    }
    named.handles += 1;
    return new JournalFile(this, name, named, request);
  }

  /** xDelete. Succeeds where nothing is: closing a journal has deleted it already. */
  delete(name: string): void {
    const named = this.#named.get(name);
    if (named === undefined) return;
    this.#named.delete(name);
    if (named.handles === 0) named.bytes.close();
  }

  /** Deletes the super-journals that failed commits of this database left behind. */
  deleteOf(path: string): void {
    for (const name of this.#named.keys()) if (name.startsWith(`${path}-mj`)) this.delete(name);
  }

  /** @internal */
  release(name: string, named: Named): void {
    named.handles -= 1;
    if (named.handles > 0) return;
    const current = this.#named.get(name) === named;
    if (current && named.keptUntilDelete) return;
    // After an error SQLite closes a journal without deleting it: left there, it would be played back as a hot one.
    if (current) this.#named.delete(name);
    named.bytes.close();
  }
}

/** How far the sequence xSync, xWrite of 12 bytes, xSync has come. */
const IDLE = 0;
const SYNCED = 1;
const HEADER_WRITTEN = 2;
/** The journal's magic and record count, which SQLite rewrites between the two syncs. */
const HEADER_BYTES = 12;

class JournalFile implements VfsFile {
  readonly sink: FailureSink | undefined;
  readonly #journals: Journals;
  readonly #name: string;
  readonly #named: Named;
  readonly #watcher: JournalWatcher | undefined;
  #progress: number = IDLE;

  constructor(journals: Journals, name: string, named: Named, request: JournalRequest) {
    this.#journals = journals;
    this.#name = name;
    this.#named = named;
    this.#watcher = request.watcher;
    this.sink = request.sink;
  }

  read(into: Uint8Array, offset: number): number {
    return this.#named.bytes.read(into, offset) < into.byteLength ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
  }
  write(data: Uint8Array, offset: number): void {
    this.#progress = this.#progress === SYNCED && data.byteLength === HEADER_BYTES ? HEADER_WRITTEN : IDLE;
    this.#named.bytes.write(data, offset);
  }
  truncate(size: number): void {
    this.#named.bytes.truncate(size);
  }
  sync(): void {
    if (this.#progress === HEADER_WRITTEN) this.#watcher?.journalSyncedTwice();
    this.#progress = SYNCED;
  }
  size(): number {
    return this.#named.bytes.size;
  }
  lock(): void {}
  unlock(): void {}
  reserved(): boolean {
    return false;
  }
  control(): number {
    return SQLITE_NOTFOUND;
  }
  close(): void {
    this.#journals.release(this.#name, this.#named);
  }
}
