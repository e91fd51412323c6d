import { HeadwaterError, unlessAborted } from "@headwater/core";
import { systemRuntime } from "@headwater/core/node/runtime";
import type { EngineEvents } from "@headwater/engine";
import { AsyncClient, type DatabaseConfig, newDatabase, SqlThread } from "@headwater/vfs/client";
import { resolveOptions } from "../options/resolve.js";
import type { Events, Options, Params, Row, RunResult, Status, TXID } from "../types.js";
import { Confirming } from "./confirming.js";
import { EventHub } from "./events.js";
import { Mutex } from "./mutex.js";
import { startSyncOnExit } from "./on-exit.js";
import { type Call, DirectSql, type Sql } from "./sql.js";
import { type StatusTexts, statusOf, statusTexts } from "./status.js";
import { runTransaction } from "./transaction.js";
import { txidInput, txidOutput } from "./txid-input.js";

/**
 * A database whose statements run in a thread of its own, so the caller's event loop never blocks. Statements run in
 * the order in which they were called; those called on the database while a transaction is open wait for its end.
 */
export class Database implements Sql, AsyncDisposable {
  readonly #control: AsyncClient;
  readonly #thread: SqlThread;
  readonly #confirming: Confirming;
  readonly #hub: EventHub;
  readonly #texts: StatusTexts;
  readonly #turn = new Mutex();
  readonly #stopSyncOnExit: () => void;
  #closing: Promise<void> | undefined;

  /** @internal Use `open()`. */
  constructor(
    control: AsyncClient,
    thread: SqlThread,
    hub: EventHub,
    texts: StatusTexts,
    config: DatabaseConfig,
    stopSyncOnExit: () => void,
  ) {
    this.#control = control;
    this.#thread = thread;
    this.#confirming = new Confirming(control, config.durability === "commit" ? config.engine.remoteTimeoutMs : undefined);
    this.#hub = hub;
    this.#texts = texts;
    this.#stopSyncOnExit = stopSyncOnExit;
  }

  /** What is known now, from shared memory: plain data, no waiting. */
  get status(): Status {
    return statusOf(this.#thread.shared, this.#texts, systemRuntime.clock.nowMs());
  }

  on<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#hub.emitter.on(name, fn as (...args: unknown[]) => void);
    return this;
  }

  once<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#hub.emitter.once(name, fn as (...args: unknown[]) => void);
    return this;
  }

  off<K extends keyof Events>(name: K, fn: (...args: Events[K]) => void): this {
    this.#hub.emitter.off(name, fn as (...args: unknown[]) => void);
    return this;
  }

  run(sql: string, params?: Params, options?: Call): Promise<RunResult> {
    return this.#inTurn((direct) => direct.run(sql, params, options), options);
  }

  get<T = Row>(sql: string, params?: Params, options?: Call): Promise<T | undefined> {
    return this.#inTurn((direct) => direct.get<T>(sql, params, options), options);
  }

  all<T = Row>(sql: string, params?: Params, options?: Call): Promise<T[]> {
    return this.#inTurn((direct) => direct.all<T>(sql, params, options), options);
  }

  exec(sql: string): Promise<void> {
    return this.#inTurn((direct) => direct.exec(sql));
  }

  /** Runs a pragma, given without the word PRAGMA. */
  pragma(source: string): Promise<Row[]> {
    return this.#inTurn((direct) => direct.pragma(source));
  }

  /** Rows in batches, read as they are asked for. Ending the loop early ends the statement. */
  async *iterate<T = Row>(sql: string, params?: Params, options?: Call): AsyncIterableIterator<T> {
    // Waits for a transaction that is open, but does not keep others waiting while the loop's body runs.
    (await this.#turn.acquire(options?.signal))();
    this.#checkOpen();
    let committed = 0;
    const direct = new DirectSql(this.#thread, (sequence) => {
      committed = sequence;
    });
    try {
      yield* direct.iterate<T>(sql, params, options);
    } finally {
      await this.#confirming.confirm(committed, options?.signal);
    }
  }

  /** Runs `fn` in a transaction. Commits when it resolves, rolls back when it rejects. Inside of it, use `tx`, not the database. */
  async transaction<T>(
    fn: (tx: Sql) => Promise<T>,
    options: Call & { readonly mode?: "deferred" | "immediate" | "exclusive" } = {},
  ): Promise<T> {
    const mode = options.mode ?? "deferred";
    if (!["deferred", "immediate", "exclusive"].includes(mode)) throw new TypeError(`transaction: unknown mode ${JSON.stringify(mode)}`);
    const words = { begin: `BEGIN ${mode.toUpperCase()}`, commit: "COMMIT", rollback: "ROLLBACK" };
    this.#checkOpen();
    return this.#confirming.run(async (onCommit) => {
      const release = await this.#turn.acquire(options.signal);
      try {
        this.#checkOpen();
        return await runTransaction(new DirectSql(this.#thread, onCommit), words, 1, fn);
      } finally {
        release();
      }
    }, options.signal);
  }

  /** Number of the newest local commit. From shared memory: a statement that failed may have committed too (INSERT OR FAIL). */
  get #lastCommit(): number {
    return this.#thread.shared.published.sequence;
  }

  /** Uploads now what is committed; resolves when it is durable, to the TXID that holds it. */
  async sync(): Promise<TXID> {
    this.#checkOpen();
    return txidOutput(await this.#control.call("sync", { sequence: this.#lastCommit }));
  }

  /** Waits until a commit is in the replica, without an extra upload. Default: the last one. */
  async durable(commit?: number): Promise<TXID> {
    this.#checkOpen();
    return txidOutput(await this.#control.call("durable", { sequence: commit ?? this.#lastCommit }));
  }

  /** Read mode: polls now. Resolves to the newest TXID; the next statement reads it. */
  async refresh(): Promise<TXID> {
    this.#checkOpen();
    return txidOutput(await this.#control.call("refresh", undefined));
  }

  /** Resolves when the next statement can read this transaction. */
  async waitFor(txid: TXID | bigint, options?: Call): Promise<void> {
    const wanted = txidInput(txid);
    this.#checkOpen();
    return unlessAborted(this.#control.call("waitFor", { txid: wanted }), options?.signal);
  }

  /** Starts a manual hydration, or tries a failed one again. */
  async hydrate(): Promise<void> {
    this.#checkOpen();
    return this.#control.call("hydrate", undefined);
  }

  /** Resolves when the local copy is complete; rejects when hydration failed or is off. */
  async hydrated(options?: Call): Promise<void> {
    this.#checkOpen();
    return unlessAborted(this.#control.call("hydrated", undefined), options?.signal);
  }

  /**
   * Syncs what is left and ends the threads' part of this database. Idempotent.
   *
   * @throws {HeadwaterError} what the last sync met. The database is closed then too, and the commits are in the buffer:
   *   the next open with the same buffer uploads them.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const release = await this.#turn.acquire();
    try {
      await this.#thread.call("close", undefined);
    } finally {
      this.#stopSyncOnExit();
      this.#control.close();
      this.#hub.emit("close");
      release();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Not while a transaction is open. The turn ends once the statement is sent: the thread keeps their order. */
  async #inTurn<T>(work: (direct: DirectSql) => Promise<T>, options?: Call): Promise<T> {
    this.#checkOpen();
    return this.#confirming.run(async (onCommit) => {
      const release = await this.#turn.acquire(options?.signal);
      try {
        this.#checkOpen();
        // Returned without await: the next one may be sent while this one runs.
        return work(new DirectSql(this.#thread, onCommit));
      } finally {
        release();
      }
    }, options?.signal);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new HeadwaterError("CLOSED", `the database was closed; url=${this.#texts.url}`);
  }
}

/**
 * Opens a database straight from its replica. Resolves when the first statement can run: nothing of the database is
 * downloaded before but its index, and what came along.
 *
 * @throws {HeadwaterError} `BAD_URL`, `BAD_OPTION`, `NO_REPLICA`, `STORE_DENIED`, `STORE_NO_BUCKET`, `STORE_UNAVAILABLE`,
 *   `LTX_CORRUPT`, `REPLICA_GAP`, `BUFFER_UNWRITABLE`, `BUFFER_FOREIGN`, `PATH_IN_USE`, `CACHE_UNWRITABLE`, `ABORTED`.
 */
export async function openDatabase(url: string | URL, options: Options = {}): Promise<Database> {
  const resolved = resolveOptions(url, options, false);
  const { config } = resolved;
  const ports = newDatabase({ engine: config.engine, store: config.store });
  const texts = statusTexts(resolved);
  const hub = new EventHub(texts, options.logger);
  let thread: SqlThread | undefined;
  const onEvent = (name: keyof EngineEvents, detail: unknown): void => {
    if (name === "ownSync") void thread?.call("poke", undefined).catch(() => undefined);
    hub.receive(name, detail);
  };
  const control = new AsyncClient(ports.control, onEvent, resolved.credentials);
  ports.onDeath(() => control.died());
  try {
    thread = await SqlThread.open(ports, config, options.signal);
    void hub.release();
    return new Database(control, thread, hub, texts, config, startSyncOnExit(resolved, control));
  } catch (error) {
    control.close();
    throw error;
  }
}
