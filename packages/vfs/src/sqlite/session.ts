import { HeadwaterError, type SqliteError } from "@headwater/core";
import type { DatabaseFile } from "../database-file.js";
import { attachRefusal, refusalOf } from "./authorizer.js";
import type { Callbacks, CallbackTarget } from "./callbacks.js";
import {
  SQLITE_ABORT,
  SQLITE_ACTION_ATTACH,
  SQLITE_ACTION_DETACH,
  SQLITE_AUTH,
  SQLITE_CANTOPEN,
  SQLITE_CORRUPT,
  SQLITE_DENY,
  SQLITE_ERROR,
  SQLITE_NOTADB,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_SCHEMA,
} from "./constants.js";
import { failureOf } from "./failure.js";
import type { Heap } from "./heap.js";
import type { HeadwaterVfs } from "./vfs.js";
import type { VfsClient } from "./vfs-file.js";
import type { Ptr } from "./wasm.js";

/** Databases that SQL may ATTACH by name. */
export interface AttachRules {
  allows(name: string): boolean;
  /**
   * Called when SQLite opens it. The file is closed on DETACH. An empty one would become a database with SQLite's default
   * page size, so it must either not be empty or have 8192 bytes.
   */
  open(name: string): DatabaseFile;
}

/** What a connection is made of. */
export interface SessionParts {
  readonly heap: Heap;
  readonly vfs: HeadwaterVfs;
  readonly callbacks: Callbacks;
  /** The path under which the VFS knows the main database; unique in the runtime. */
  readonly path: string;
  readonly file: DatabaseFile;
  readonly readonly: boolean;
  readonly attach: AttachRules | undefined;
}

/** Primary codes under which a failed VFS call may show. */
const DISGUISES: ReadonlySet<number> = new Set([SQLITE_ERROR, SQLITE_ABORT, SQLITE_CORRUPT, SQLITE_CANTOPEN, SQLITE_SCHEMA, SQLITE_NOTADB]);

/** What a VFS call threw, and what SQLite got for it. */
interface Failure {
  readonly code: number;
  readonly error: unknown;
}

/**
 * The sqlite3 handle of a connection, and what happens around a call into it: the VFS and the authorizer report here
 * why they refused, and {@link Session.failure} makes one error of that and SQLite's own.
 */
export class Session implements VfsClient, CallbackTarget {
  readonly heap: Heap;
  /** Room for two pointers that a call returns. */
  readonly out: Ptr;
  readonly id: number;
  readonly #parts: SessionParts;
  readonly #pageSize: number;
  #db: Ptr = 0;
  #failure: Failure | undefined;
  /** It came during the call that is going on, or went on last. */
  #failureIsFresh = false;
  #lastCause: HeadwaterError | undefined;
  #refusal: SqliteError | undefined;
  #attachCount = 0;
  readonly #attachedNames = new Map<string, string>();
  /** Set when a statement that attaches or detaches was compiled. */
  schemasChanged = true;
  shouldInterrupt: (() => boolean) | undefined;
  /** Set when the database file answered a pragma. */
  pragmaAnswered = false;
  /** Rises with every call into SQLite. */
  calls = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#pageSize = parts.file.pageSize;
    this.heap = parts.heap;
    this.out = parts.heap.allocate(8);
    this.id = parts.callbacks.add(this);
    try {
      this.#open();
    } catch (error) {
      if (parts.vfs.remove(parts.path)) parts.file.close();
      this.close();
      throw error;
    }
  }

  #open(): void {
    const { vfs, path, file, readonly } = this.#parts;
    vfs.add(path, file, this);
    const x = this.heap.exports;
    const flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    this.enter();
    const code = this.heap.withText(path, (name) => x.sqlite3_open_v2(name, this.out, flags, 0));
    this.#db = this.heap.getI32(this.out);
    if (code !== SQLITE_OK) throw this.failure(this.#db === 0 ? code : x.sqlite3_extended_errcode(this.#db));
    x.sqlite3_extended_result_codes(this.#db, 1);
  }

  /** From now on every statement is looked at. */
  authorizeAll(): void {
    this.heap.exports.sqlite3_set_authorizer(this.#db, this.#parts.callbacks.authorizer, this.id);
  }

  get open(): boolean {
    return this.#db !== 0;
  }

  /** The sqlite3 handle. @throws {HeadwaterError} `CLOSED` */
  get db(): Ptr {
    if (this.#db === 0) throw new HeadwaterError("CLOSED", "the database connection is closed; open it again");
    return this.#db;
  }

  get lastCause(): HeadwaterError | undefined {
    return this.#lastCause;
  }

  /** Before every call that can reach the VFS or the authorizer. */
  enter(): void {
    this.#parts.vfs.active = this;
    this.calls += 1;
    this.#refusal = undefined;
    this.#failureIsFresh = false;
  }

  /** After a call that went through: what failed before it is no cause of what fails later. */
  succeeded(): void {
    if (this.#failure !== undefined) this.#failure = undefined;
  }

  /** The error for a result code that the last call returned. */
  failure(code: number): Error {
    const primary = code & 0xff;
    if (this.#refusal !== undefined && (primary === SQLITE_AUTH || primary === SQLITE_ERROR)) return this.#refusal;
    const message = this.#db === 0 ? "out of memory" : this.heap.cString(this.heap.exports.sqlite3_errmsg(this.#db));
    return failureOf(code, message, this.#causeOf(primary));
  }

  /**
   * SQLite mostly hands on the code that the VFS answered, also later, while its pager is in error. At times it makes
   * another of it: CORRUPT of a schema that it could not read, ERROR of a table that it could not look up.
   */
  #causeOf(primary: number): unknown {
    const failure = this.#failure;
    if (failure === undefined) return undefined;
    if ((failure.code & 0xff) === primary) return failure.error;
    return this.#failureIsFresh && DISGUISES.has(primary) ? failure.error : undefined;
  }

  /** Closes the handle; all statements must be finalized. @throws what closing the database file threw */
  close(): void {
    const db = this.#db;
    const { vfs, callbacks, path } = this.#parts;
    this.enter();
    this.succeeded();
    if (db !== 0) this.heap.exports.sqlite3_close_v2(db);
    this.#db = 0;
    vfs.active = undefined;
    callbacks.remove(this.id);
    this.heap.exports.free(this.out);
    vfs.journals.deleteOf(path);
    const failure = this.#failure as Failure | undefined;
    if (db !== 0 && failure !== undefined) throw failureOf(failure.code, "closing the database failed", failure.error);
  }

  noteFailure(code: number, error: unknown): void {
    this.#failure = { code, error };
    this.#failureIsFresh = true;
    if (HeadwaterError.is(error)) this.#lastCause = error;
  }

  noteAnswer(): void {
    this.pragmaAnswered = true;
  }

  authorize(action: number, first: Ptr, second: Ptr): number {
    if (action === SQLITE_ACTION_ATTACH || action === SQLITE_ACTION_DETACH) this.schemasChanged = true;
    const rules = { pageSize: this.#pageSize, mayAttach: (name: string) => this.#parts.attach?.allows(name) === true };
    const refusal = refusalOf(rules, action, this.heap.cStringOr(first), this.heap.cStringOr(second));
    if (refusal === undefined) return SQLITE_OK;
    this.#refusal = refusal;
    return SQLITE_DENY;
  }

  progress(): boolean {
    return this.shouldInterrupt?.() === true;
  }

  /** An attached database gets a path of its own, since names need not be unique in the runtime. */
  fullPath(name: string): string | undefined {
    if (name === this.#parts.path) return undefined;
    this.#attachCount += 1;
    const path = `/${this.id}.${this.#attachCount}/${name}`;
    this.#attachedNames.set(path, name);
    return path;
  }

  openAttached(path: string): DatabaseFile | undefined {
    const name = this.#attachedNames.get(path);
    if (name === undefined) return undefined;
    this.#attachedNames.delete(path);
    const { attach } = this.#parts;
    if (attach?.allows(name) !== true) throw attachRefusal(name);
    return attach.open(name);
  }
}
