import { formatTXID, HeadwaterError, type TXID } from "@headwater/core";
import { CACHE_MAX_BYTES_DEFAULT } from "@headwater/page-cache";
import { createLayout, type Layout, type RangeReader, storeRangeReader, type View } from "@headwater/replica";
import type { EngineConfig, EnginePorts } from "./config.js";
import { DemandGate } from "./demand.js";
import { DiskCache } from "./disk-cache.js";
import type { Emit } from "./events.js";
import { Follower } from "./follower.js";
import { Hydration } from "./hydration.js";
import { type OpenedReplica, openReplica } from "./open-replica.js";
import type { AdoptReply, Opened, PagesReply } from "./opened.js";
import { frames } from "./own-pages.js";
import { ReadPath } from "./reads.js";
import type { SharedState } from "./shared-state.js";
import { ViewTable } from "./views.js";
import { type BufferClaim, type OwnView, Writer } from "./writer.js";

/** How long background work waits for the first statement: a cold start's first row goes before everything else. */
const FIRST_ANSWER_WAIT_MS = 500;

/**
 * One open database on the I/O side: its views, its reads by priority, its follower or syncer, and its hydration.
 * One event loop, no threads, no SQLite; everything from outside comes through ports.
 */
export class Engine {
  readonly shared: SharedState;
  readonly opened: Opened;
  readonly #config: EngineConfig;
  readonly #ports: EnginePorts;
  readonly #views: ViewTable;
  readonly #reads: ReadPath;
  readonly #gate: DemandGate;
  readonly #follower: Follower | undefined;
  readonly #writer: Writer | undefined;
  readonly #hydration: Hydration | undefined;
  readonly #disk: DiskCache | undefined;
  readonly #emit: Emit;
  #adoptedId: number;
  readonly #firstAnswer = new AbortController();
  #closing: Promise<void> | undefined;
  readonly #waiters = new Set<{ readonly txid: bigint; readonly resolve: () => void; readonly reject: (e: Error) => void }>();

  private constructor(parts: EngineParts) {
    const { config, ports, emit, layout, view, shared, reader } = parts;
    this.#config = config;
    this.#ports = ports;
    this.#emit = emit;
    this.shared = shared;
    this.#gate = new DemandGate(ports.runtime);
    this.#views = new ViewTable(ports.store, layout, view, { reader, runtime: ports.runtime });
    this.#adoptedId = this.#views.newestId;
    this.#writer = parts.writer;
    this.#disk = parts.disk;
    this.#hydration =
      config.hydration &&
      Hydration.create({ config: config.hydration, ports, reader: parts.storeReader, gate: this.#gate, shared, emit, views: this.#views });
    this.#follower = config.write ? undefined : this.#makeFollower(layout, reader);
    this.#reads = new ReadPath({
      reader,
      pageSize: view.pageSize,
      cacheBytes: config.cacheBytes ?? CACHE_MAX_BYTES_DEFAULT,
      onPages: (viewId, pages) => this.#hydration?.pagesArrived(viewId, pages),
    });
    this.#reads.opened(this.#views.newestId, view, parts.pages);
    shared.newestView = this.#views.newestId;
    shared.viewTxid = view.txid;
    this.#noteView(view);
    this.opened = {
      shared: shared.buffer,
      viewId: this.#views.newestId,
      txid: view.txid,
      pageSize: view.pageSize,
      commit: view.commit,
      pages: parts.pages,
      ...(this.#hydration ? { copy: this.#hydration.shared } : {}),
      ...(parts.writer ? { log: parts.writer.openedLog } : {}),
    };
  }

  /**
   * Opens the replica: lists it, plans it, reads the index, and for a writer recovers the buffer.
   *
   * @throws {HeadwaterError} `NO_REPLICA`, `REPLICA_GAP`, `LTX_CORRUPT`, `BUFFER_UNWRITABLE`, `BUFFER_FOREIGN`,
   *   `PATH_IN_USE`, `CACHE_UNWRITABLE`, or what the store answers. Nothing stays open then.
   */
  static async open(config: EngineConfig, ports: EnginePorts, emit: Emit): Promise<Engine> {
    const layout = createLayout(config.layout, config.prefix);
    const { shared } = ports;
    const storeReader = storeRangeReader(ports.store);
    const disk = config.diskCache && new DiskCache(config.diskCache, config.identity, storeReader, ports, emit);
    const reader = disk?.reader ?? storeReader;
    shared.writeState = config.write ? "write" : "read";
    let claim: BufferClaim | undefined;
    try {
      claim = config.write ? await Writer.claim(config, ports) : undefined;
      const replica = (): Promise<OpenedReplica> => openReplica(config, ports, layout, reader);
      const writer = claim && (await Writer.open({ config, ports, layout, emit, claim }, replica));
      const { view, pages } = writer ?? (await replica());
      await disk?.opened();
      const more = { ...(writer ? { writer } : {}), ...(disk ? { disk } : {}) };
      const engine = new Engine({ config, ports, emit, layout, view, pages, shared, reader, storeReader, ...more });
      writer?.start(
        (own) => engine.#ownSync(own),
        () => engine.#views.newest,
      );
      engine.#follower?.start();
      engine.#startInBackground();
      return engine;
    } catch (error) {
      await disk?.close();
      await claim?.release();
      throw error;
    }
  }

  /** Background work waits for the first answer, and for a program that asks for nothing, only a moment. */
  #startInBackground(): void {
    if (this.#hydration === undefined && this.#disk === undefined) return;
    this.#ports.runtime.timers.sleep(FIRST_ANSWER_WAIT_MS, this.#firstAnswer.signal).then(
      () => this.answered(),
      () => undefined, // The answer was quicker.
    );
  }

  /** The first statement has its answer. */
  answered(): void {
    if (this.#firstAnswer.signal.aborted) return;
    this.#firstAnswer.abort();
    if (this.#closing !== undefined) return;
    this.#hydration?.autoStart();
    this.#disk?.begin(() => this.#gate.whenIdle());
  }

  /**
   * A read of the SQLite thread: the page and whatever comes along for free, or was fetched ahead.
   *
   * @param seen - The pages that SQLite has read since the read before, in order: it had them at hand.
   */
  read(viewId: number, pgno: number, seen?: ArrayLike<number>): Promise<PagesReply> {
    const request = { viewId, pgno, ...(seen === undefined ? {} : { seen }) };
    return this.#gate.run(this.#config.remoteTimeoutMs, `pgno=${pgno}, url=${this.#config.url}`, (signal) =>
      this.#views.reading(viewId, (view) => this.#reads.read(view, request, signal), signal),
    );
  }

  /** A read connection without an open transaction moves to the newest view. */
  adoptNewest(fromId: number): AdoptReply {
    const from = this.#views.find(fromId);
    const view = this.#views.newest;
    const viewId = this.#views.newestId;
    // A connection that gave up waiting for an earlier answer may come with a view that is gone.
    if (viewId !== fromId) this.#reads.stop();
    const changed = from === undefined ? "all" : viewId === fromId ? new Uint32Array(0) : view.changedSince(from);
    this.adopted(viewId);
    return { viewId, txid: view.txid, commit: view.commit, changed };
  }

  /** The connection reads this view from now on. */
  adopted(viewId: number): void {
    if (viewId <= this.#adoptedId) return;
    this.#adoptedId = viewId;
    // The copy takes the views it still has to pass through before they are let go.
    this.#hydration?.adopted(viewId);
    this.#views.adopted(viewId);
  }

  #makeFollower(layout: Layout, reader: RangeReader): Follower {
    const { store, runtime } = this.#ports;
    return new Follower({
      store,
      layout,
      reader,
      runtime,
      pollIntervalMs: this.#config.pollIntervalMs,
      newest: () => this.#views.newest,
      onView: (view) => this.#addView(view),
      onPolled: () => {
        this.shared.setStatistic("lastPollMs", runtime.clock.nowMs());
        this.shared.setStatistic("staleSinceMs", 0);
      },
      onStale: (error) => this.#stale(error),
    });
  }

  /** A newer view can be read: by the next transaction of a read connection, or as soon as a writer adopts its own. */
  #addView(view: View): number {
    const viewId = this.#views.add(view);
    this.shared.newestView = viewId;
    this.#noteView(view);
    for (const waiter of this.#waiters) if (waiter.txid <= view.txid) waiter.resolve();
    this.#emit("view", { txid: formatTXID(view.txid), pages: view.commit });
    return viewId;
  }

  #noteView(view: View): void {
    this.shared.durableTxid = view.txid;
    this.shared.setStatistic("viewTimeMs", view.newest?.header.timestampMs ?? 0);
  }

  #stale(error: HeadwaterError): void {
    const nowMs = this.#ports.runtime.clock.nowMs();
    if (this.shared.statistic("staleSinceMs") === 0) {
      this.shared.setStatistic("staleSinceMs", nowMs);
      this.#emit("stale", { reason: error.message, sinceMs: 0 });
    }
    this.#emit("warning", error);
  }

  /** An own sync was confirmed: its view can be adopted by the SQLite thread between any two calls. */
  #ownSync({ view, file }: OwnView): void {
    const viewId = this.#addView(view);
    this.#hydration?.ownSync(viewId, () => frames(file.encoded));
    this.shared.publishOwnSync({ viewId, commit: view.commit, sequence: file.sequence, txid: view.txid });
    this.#emit("ownSync", { viewId });
  }

  /** Called when the SQLite thread published a first commit after a sync. */
  committed(): void {
    this.#writer?.committed();
  }

  /** Uploads what is committed up to `sequence` (all there is, if absent). Resolves to the TXID that holds it. */
  sync(sequence?: number): Promise<TXID> {
    return this.#writer === undefined ? this.refresh() : this.#writer.sync(sequence);
  }

  /** Waits without an extra upload. */
  durable(sequence?: number): Promise<TXID> {
    return this.#writer === undefined ? Promise.resolve(this.#views.newest.txid) : this.#writer.durable(sequence);
  }

  /** Uploads at once, and waits for this commit until the deadline. @throws {HeadwaterError} `NOT_DURABLE`, `FENCED`. */
  confirm(sequence: number, deadlineMs: number): Promise<TXID> {
    return this.#writer === undefined ? Promise.resolve(this.#views.newest.txid) : this.#writer.confirm(sequence, deadlineMs);
  }

  /** The process is about to end: uploads what is committed, if it can be done in time. @throws {HeadwaterError} `NOT_DURABLE`. */
  async flush(deadlineMs: number): Promise<void> {
    await this.#writer?.flush(deadlineMs);
  }

  /** Polls now (read mode); resolves to the newest TXID that is known. */
  async refresh(): Promise<TXID> {
    await this.#follower?.poll();
    return this.#views.newest.txid;
  }

  /** Resolves when a view at or after the TXID can be adopted. */
  waitFor(txid: bigint, signal?: AbortSignal): Promise<void> {
    if (this.#views.newest.txid >= txid) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = {
        txid,
        resolve: (): void => {
          this.#waiters.delete(waiter);
          resolve();
        },
        reject,
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", () => {
        this.#waiters.delete(waiter);
        reject(new HeadwaterError("ABORTED", "waitFor was aborted"));
      });
    });
  }

  /** Starts a manual hydration, or tries a failed one again. */
  async hydrate(): Promise<void> {
    this.#needHydration().start();
  }

  /** Resolves when the local copy is complete. @throws {HeadwaterError} `HYDRATION_FAILED`. */
  hydrated(): Promise<void> {
    const completed = this.#needHydration().completed();
    // Whoever waits for the copy wants nothing else first.
    this.answered();
    return completed;
  }

  #needHydration(): Hydration {
    if (this.#hydration !== undefined) return this.#hydration;
    throw new HeadwaterError("HYDRATION_FAILED", "hydration is off; open with hydration: true", { retryable: false });
  }

  /**
   * Syncs what is left and lets everything go. Idempotent.
   *
   * @throws what the last sync met; the buffer is kept then.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#firstAnswer.abort();
    this.#follower?.stop();
    this.#reads.stop();
    for (const waiter of this.#waiters) waiter.reject(new HeadwaterError("CLOSED", "the database was closed"));
    this.#waiters.clear();
    try {
      await this.#writer?.close();
    } finally {
      this.shared.writeState = "closed";
      await this.#hydration?.close();
      await this.#disk?.close();
    }
  }

  /** After {@link close}, when the SQLite thread has let the buffer go too: its claim and the store's connections end. */
  async release(): Promise<void> {
    await this.#writer?.release();
    await this.#ports.store.close();
  }
}

interface EngineParts {
  readonly config: EngineConfig;
  readonly ports: EnginePorts;
  readonly emit: Emit;
  readonly layout: Layout;
  readonly view: View;
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly shared: SharedState;
  readonly reader: RangeReader;
  /** Past the disk cache. */
  readonly storeReader: RangeReader;
  readonly disk?: DiskCache;
  readonly writer?: Writer;
}
