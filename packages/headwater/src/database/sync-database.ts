import { HeadwaterError } from "@headwater/core";
import { systemRuntime } from "@headwater/core/node/runtime";
import {
  type AsyncClient,
  type BlockingClient,
  type DatabaseConfig,
  finishClosing,
  type Opening,
  type Operation,
  type Operations,
  pragmaRows,
} from "@headwater/vfs";
import type { Events, Row, SqlValue, Status, TXID } from "../types.js";
import type { EventHub } from "./events.js";
import { type StatusTexts, statusOf } from "./status.js";
import { SyncStatement } from "./sync-statement.js";
import { txidInput, txidOutput } from "./txid-input.js";

/** What a synchronous handle is made of. */
export interface SyncParts {
  readonly opening: Opening;
  readonly client: BlockingClient;
  readonly control: AsyncClient;
  readonly config: DatabaseConfig;
  readonly hub: EventHub;
  readonly texts: StatusTexts;
  stopSyncOnExit(): void;
}

/** Waits that the caller asks for by name (sync, hydrated) end with the store's own deadlines, not with one of ours. */
const CALLED_WAIT_MS = 24 * 3600 * 1000;

type TransactionMode = "deferred" | "immediate" | "exclusive";

/** A function that runs in a transaction, with variants by mode, as better-sqlite3 makes them. */
export interface SyncTransaction<A extends unknown[], R> {
  (...args: A): R;
  deferred(...args: A): R;
  immediate(...args: A): R;
  exclusive(...args: A): R;
}

/** A database in the caller's thread, in the shape of better-sqlite3. Events are delivered when the caller's loop turns. */
export class SyncDatabase implements Disposable {
  readonly #parts: SyncParts;
  #closed = false;

  /** @internal Use `openSync()`. */
  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  get status(): Status {
    return statusOf(this.#parts.opening.session.shared, this.#parts.texts, systemRuntime.clock.nowMs());
  }

  get open(): boolean {
    return !this.#closed;
  }

  get name(): string {
    return this.#parts.texts.url;
  }

  get readonly(): boolean {
    return !this.#parts.config.engine.write;
  }

  get memory(): boolean {
    return false;
  }

  get inTransaction(): boolean {
    return !this.#closed && this.#parts.opening.connection.inTransaction;
  }

  on<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#parts.hub.emitter.on(name, fn as (...args: unknown[]) => void);
    return this;
  }

  once<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#parts.hub.emitter.once(name, fn as (...args: unknown[]) => void);
    return this;
  }

  off<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#parts.hub.emitter.off(name, fn as (...args: unknown[]) => void);
    return this;
  }

  prepare<T = Row>(sql: string): SyncStatement<T> {
    const { connection, session } = this.#open();
    return new SyncStatement<T>(this, connection.prepare(sql), session);
  }

  exec(sql: string): this {
    const { connection } = this.#open();
    this.confirming(() => connection.exec(sql));
    return this;
  }

  /** Runs a pragma, given without the word PRAGMA. `simple`: only the first column of the first row. */
  pragma(source: string, options: { readonly simple?: boolean } = {}): Row[] | SqlValue | undefined {
    const statement = this.#open().connection.prepare(`PRAGMA ${source}`);
    try {
      const rows = this.confirming(() => pragmaRows(source, statement)) as Row[];
      return options.simple === true ? Object.values(rows[0] ?? {})[0] : rows;
    } finally {
      statement.finalize();
    }
  }

  /** Wraps a function in a transaction: committed when it returns, rolled back when it throws. Inside of another one it is a savepoint. */
  transaction<A extends unknown[], R>(fn: (...args: A) => R): SyncTransaction<A, R> {
    if (typeof fn !== "function") throw new TypeError("transaction: expected a function");
    const variant =
      (mode: TransactionMode) =>
      (...args: A): R =>
        this.#transact(mode, () => fn(...args));
    return Object.assign(variant("deferred"), {
      deferred: variant("deferred"),
      immediate: variant("immediate"),
      exclusive: variant("exclusive"),
    });
  }

  #transact<R>(mode: TransactionMode, work: () => R): R {
    const { connection } = this.#open();
    const nested = connection.inTransaction;
    const [begin, commit, rollback] = nested
      ? ["SAVEPOINT headwater", "RELEASE headwater", "ROLLBACK TO headwater; RELEASE headwater"]
      : [`BEGIN ${mode.toUpperCase()}`, "COMMIT", "ROLLBACK"];
    connection.exec(begin);
    try {
      const result = work();
      if (result instanceof Promise)
        throw new TypeError("transaction: the function returned a promise, which a synchronous transaction can't wait for");
      this.confirming(() => connection.exec(commit));
      return result;
    } catch (error) {
      // SQLite may have rolled back by itself.
      if (connection.inTransaction) connection.exec(rollback);
      throw error;
    }
  }

  /** Uploads now what is committed; returns when it is durable. */
  sync(): TXID {
    return this.#synced("sync", this.#parts.opening.session.sequence);
  }

  /** Waits until a commit is in the replica, without an extra upload. Default: the last one. */
  durable(commit?: number): TXID {
    return this.#synced("durable", commit ?? this.#parts.opening.session.sequence);
  }

  #synced(how: "sync" | "durable", sequence: number): TXID {
    const txid = this.#call(how, { sequence });
    // So that the status says so, although nothing calls SQLite.
    this.poke();
    return txidOutput(txid);
  }

  /** Read mode: polls now. */
  refresh(): TXID {
    return txidOutput(this.#call("refresh", undefined));
  }

  /** Returns when the next statement can read this transaction. */
  waitFor(txid: TXID | bigint): void {
    this.#call("waitFor", { txid: txidInput(txid) });
  }

  hydrate(): void {
    this.#call("hydrate", undefined);
  }

  /** Returns when the local copy is complete. */
  hydrated(): void {
    this.#call("hydrated", undefined);
  }

  /** @internal Runs what may commit: with `durability: "commit"`, it returns once the commit is in the replica. */
  confirming<R>(work: () => R): R {
    const { session } = this.#open();
    const before = session.sequence;
    let result: R;
    try {
      result = work();
    } catch (error) {
      try {
        this.#confirm(before);
      } catch {
        // A statement may commit and fail (INSERT OR FAIL): its own error says more than that of the upload.
      }
      throw error;
    }
    this.#confirm(before);
    return result;
  }

  /** @internal The same for rows that are read one by one: a statement like INSERT ... RETURNING commits at its end. */
  confirmingRows<R>(start: () => IterableIterator<R>): IterableIterator<R> {
    const before = this.#open().session.sequence;
    const rows = start();
    return this.#parts.config.durability === "commit" ? this.#rowsThenConfirm(rows, before) : rows;
  }

  *#rowsThenConfirm<R>(rows: IterableIterator<R>, before: number): IterableIterator<R> {
    try {
      yield* rows;
    } finally {
      this.#confirm(before);
    }
  }

  /** Blocks this thread until what was committed since is in the replica. @throws `NOT_DURABLE` at the deadline, `FENCED`. */
  #confirm(before: number): void {
    const { config, client, opening } = this.#parts;
    const { sequence } = opening.session;
    if (this.#closed || config.durability !== "commit" || sequence === before) return;
    const deadlineMs = config.engine.remoteTimeoutMs;
    client.call("confirm", { sequence, deadlineMs }, deadlineMs);
    opening.session.poke();
  }

  /** @internal Adopts an own sync while nothing calls SQLite. */
  poke(): void {
    if (!this.#closed) this.#parts.opening.session.poke();
  }

  /** Syncs what is left. Idempotent. @throws what the last sync met; the commits are in the buffer then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { opening, client, config, control, hub } = this.#parts;
    try {
      finishClosing(opening, client, config);
    } finally {
      this.#parts.stopSyncOnExit();
      control.close();
      hub.emit("close");
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call<O extends Operation>(op: O, args: Operations[O]["args"]): Operations[O]["reply"] {
    this.#open();
    return this.#parts.client.call(op, args, CALLED_WAIT_MS);
  }

  #open(): Opening {
    if (this.#closed) throw new HeadwaterError("CLOSED", `the database was closed; url=${this.#parts.texts.url}`);
    return this.#parts.opening;
  }
}
