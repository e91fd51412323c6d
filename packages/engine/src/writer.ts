import { type FencedError, type FileSystem, formatTXID, HeadwaterError, type PathLock, type Runtime, type TXID } from "@headwater/core";
import { type Layout, storePublisher, View } from "@headwater/replica";
import { IntentFile, type LogBase, LogReader, type Recovery, recoverBuffer, type SyncedFile, Syncer } from "@headwater/write-buffer";
import type { EngineConfig, EnginePorts } from "./config.js";
import type { Emit } from "./events.js";
import type { OpenedReplica } from "./open-replica.js";
import type { OpenedLog } from "./opened.js";
import type { SharedState } from "./shared-state.js";

export interface WriterParts {
  readonly config: EngineConfig;
  readonly ports: EnginePorts;
  readonly layout: Layout;
  readonly emit: Emit;
  readonly claim: BufferClaim;
  /** The state of the replica that this writer builds on. */
  readonly view: View;
}

/** The right to use one buffer directory. */
export interface BufferClaim {
  readonly dir: string;
  release(): Promise<void>;
}

/** What a sync made, in the form in which a connection adopts it. */
export interface OwnView {
  readonly view: View;
  readonly file: SyncedFile;
}

/** The writing half of an engine: recovers the buffer, syncs what the SQLite thread commits, and follows its own syncs. */
export class Writer {
  readonly openedLog: OpenedLog;
  readonly #parts: WriterParts;
  readonly #shared: SharedState;
  readonly #reader: LogReader;
  readonly #syncer: Syncer;
  #view: View;
  readonly #intents: IntentFile;
  /** Pages that came along when the replica was opened. */
  pages: ReadonlyMap<number, Uint8Array> = new Map();
  #newest: () => View = () => this.#view;
  #onView: ((own: OwnView) => void) | undefined;
  /** Syncs of recovered commits that were quicker than the engine. */
  readonly #early: OwnView[] = [];

  private constructor(parts: WriterParts, openedLog: OpenedLog, intents: IntentFile) {
    const { config, ports, layout, view } = parts;
    const { dir, writerId, recovered, base } = openedLog;
    this.#parts = parts;
    this.#shared = ports.shared;
    this.#view = view;
    this.openedLog = openedLog;
    this.#intents = intents;
    if (recovered !== undefined) this.#shared.publishCommit(recovered.sequence, recovered.endOffset);
    this.#reader = new LogReader({ fs: bufferFs(ports), dir, pageSize: view.pageSize, published: () => this.#shared.published });
    this.#syncer = new Syncer({
      reader: this.#reader,
      intents,
      publisher: storePublisher(ports.store, layout),
      runtime: ports.runtime,
      nodeID: writerId,
      pageSize: view.pageSize,
      position: {
        txid: view.txid,
        commit: view.commit,
        timestampMs: base.timestampMs ?? 0,
        fileChecksum: base.fileChecksum,
        sequence: recovered?.baseSequence ?? 0,
      },
      published: () => this.#shared.takePublished(),
      fsyncLog: () => this.#reader.fsync(),
      syncIntervalMs: config.syncIntervalMs,
      ...(config.bufferInMemory === true ? {} : { bufferPath: dir }),
      onSynced: (file) => this.#synced(file),
      onFailed: (failure) => parts.emit("syncFailed", { ...failure, pendingTransactions: this.#shared.statistic("pendingTransactions") }),
      onFenced: (error) => this.#fenced(error),
    });
  }

  /** Makes the buffer's directory and claims it. @throws `BUFFER_UNWRITABLE`, `PATH_IN_USE`. */
  static async claim(config: EngineConfig, ports: EnginePorts): Promise<BufferClaim> {
    const dir = config.bufferDir;
    if (dir === undefined) throw new HeadwaterError("BUFFER_UNWRITABLE", "a writer needs a buffer; set buffer.path");
    // Nobody else can see it.
    if (config.bufferInMemory === true) return { dir, release: async () => undefined };
    let lock: PathLock;
    try {
      ports.fs.mkdir(dir, 0o700);
      lock = await ports.locks.acquire(dir);
    } catch (error) {
      if (HeadwaterError.is(error)) throw error;
      throw new HeadwaterError(
        "BUFFER_UNWRITABLE",
        `the folder of the write buffer can't be used; make it writable, choose another with buffer.path, or give crash safety up with buffer: { target: "memory" }; dir=${dir}`,
        { cause: error },
      );
    }
    return { dir, release: () => lock.release() };
  }

  /** Recovers what a former process left in the buffer, and goes on with it. @throws `BUFFER_FOREIGN`, `BUFFER_UNWRITABLE`. */
  static async open(parts: Omit<WriterParts, "view">, replica: () => Promise<OpenedReplica>): Promise<Writer> {
    const { config, ports, claim } = parts;
    const { opened, recovery } = await recoverOn(parts, replica);
    const { view } = opened;
    const writerId = randomId(ports.runtime);
    const openedLog: OpenedLog = {
      dir: claim.dir,
      base: positionOf(view),
      identity: config.identity,
      owner: `${config.owner}:${writerId.toString(16).padStart(16, "0")}`,
      writerId,
      ...(recovery.kind === "resume" ? { recovered: recovery.log } : {}),
    };
    const writer = new Writer({ ...parts, view }, openedLog, IntentFile.open(bufferFs(ports), claim.dir));
    writer.pages = opened.pages;
    reportRecovery(parts.emit, recovery);
    return writer;
  }

  /** The state of the replica that it builds on. */
  get view(): View {
    return this.#view;
  }

  /**
   * Syncs are reported to `onView`, those first that were made already. `newest` is the view that they go on from: the
   * same state as the last one's, perhaps planned anew since.
   */
  start(onView: (own: OwnView) => void, newest: () => View): void {
    this.#onView = onView;
    this.#newest = newest;
    for (const own of this.#early.splice(0)) onView(own);
  }

  committed(): void {
    this.#syncer.notifyCommit();
    this.#noteLag();
  }

  sync(sequence?: number): Promise<TXID> {
    return this.#syncer.sync(sequence ?? this.#shared.published.sequence);
  }

  durable(sequence?: number): Promise<TXID> {
    return this.#syncer.durable(sequence ?? this.#shared.published.sequence);
  }

  confirm(sequence: number, deadlineMs: number): Promise<TXID> {
    return this.#syncer.confirm(sequence, deadlineMs);
  }

  /** The process is about to end: uploads what is committed, if it can be done in time. @throws `NOT_DURABLE`, `FENCED`. */
  async flush(deadlineMs: number): Promise<void> {
    await this.#syncer.confirm(this.#shared.published.sequence, deadlineMs, true);
  }

  /** Since when the oldest commit waits that is not in the replica: the syncer knows, however busy the SQLite thread is. */
  #noteLag(): void {
    const { lagMs } = this.#syncer;
    this.#shared.setStatistic("unsyncedSinceMs", lagMs === undefined ? 0 : this.#parts.ports.runtime.clock.nowMs() - lagMs);
  }

  #synced(file: SyncedFile): void {
    this.#noteLag();
    const { header, index, trailer } = file.encoded;
    this.#view = this.#newest().extend({ file: file.file, header, index, trailer });
    const own = { view: this.#view, file };
    if (this.#onView === undefined) this.#early.push(own);
    else this.#onView(own);
    this.#parts.emit("sync", {
      txid: formatTXID(file.txid),
      transactions: file.transactions,
      bytes: file.encoded.bytes.byteLength,
      durationMs: file.durationMs,
    });
  }

  #fenced(error: FencedError): void {
    this.#shared.writeState = "fenced";
    this.#parts.emit("fenced", error);
  }

  /** The last sync. @throws what it met; the buffer is kept then. */
  async close(): Promise<void> {
    await this.#syncer.close();
  }

  /** Lets the buffer's directory go. */
  async release(): Promise<void> {
    this.#reader.close();
    this.#intents.close();
    await this.#parts.claim.release();
  }
}

/** How often a replica that moves on while it is being opened is listed again. */
const LISTINGS_MAX = 4;

/** The replica and the buffer, taken together: where the buffer's last put turns out to have landed, the replica is opened anew. */
async function recoverOn(
  { config, ports, layout, claim }: Omit<WriterParts, "view">,
  replica: () => Promise<OpenedReplica>,
): Promise<{ readonly opened: OpenedReplica; readonly recovery: Recovery }> {
  let opened = await replica();
  const recovery = await recoverBuffer({
    fs: bufferFs(ports),
    dir: claim.dir,
    publisher: storePublisher(ports.store, layout),
    identity: config.identity,
    position: positionOf(opened.view),
    runtime: ports.runtime,
    ...(opened.view.txid === 0n ? {} : { pageSize: opened.view.pageSize }),
  });
  for (let n = 1; opened.view.txid < recovery.replicaTxid; n += 1) {
    if (n === LISTINGS_MAX) {
      throw new HeadwaterError(
        "STORE_UNAVAILABLE",
        `the listing of the replica lags behind what is known to be in it; try again; url=${config.url}`,
      );
    }
    opened = await replica();
  }
  // A new database that was never synced has the page size of its buffer.
  if (recovery.kind === "resume" && opened.view.txid === 0n) opened = { view: View.empty(recovery.log.pageSize), pages: new Map() };
  if (recovery.kind === "resume" && recovery.base.txid !== opened.view.txid) {
    throw new HeadwaterError(
      "REPLICA_GAP",
      `another writer committed while the buffer was being recovered; open again; url=${config.url}`,
      { retryable: true },
    );
  }
  return { opened, recovery };
}

function bufferFs({ fs, bufferFs: other }: EnginePorts): FileSystem {
  return other ?? fs;
}

function positionOf(view: View): Required<LogBase> {
  return {
    txid: view.txid,
    fileChecksum: view.newest?.trailer.fileChecksum ?? 0n,
    commit: view.commit,
    timestampMs: view.newest?.header.timestampMs ?? 0,
  };
}

function reportRecovery(emit: Emit, recovery: Recovery): void {
  const { cut, finishedSetAside } = recovery;
  if (finishedSetAside !== undefined) emit("recovered", { transactions: 0, setAside: finishedSetAside });
  if (cut !== undefined) {
    const lost = `the buffer's last records were broken, as a crash of the machine leaves them, and were set aside`;
    emit("warning", new HeadwaterError("NOT_DURABLE", `${lost}; transactions=${cut.transactions}, path=${cut.path}`));
  }
  if (recovery.kind === "setAside") emit("recovered", { transactions: recovery.transactions, setAside: recovery.path });
  if (recovery.kind === "resume") emit("recovered", { transactions: recovery.log.transactions.length });
}

/** A random number that is not zero: whose files these are. */
function randomId({ random }: Runtime): bigint {
  const id = (BigInt(random.nextU32()) << 32n) | BigInt(random.nextU32());
  return id === 0n ? 1n : id;
}
