import { type FileSystem, formatTXID, lockPgno, type TXID } from "@headwater/core";
import { ManualRuntime } from "@headwater/core/testing";
import { decodeLtx } from "@headwater/ltx";
import { MemoryBucket, MemoryObjectStore } from "@headwater/object-store";
import { HookedObjectStore, type Hooks } from "@headwater/object-store/testing";
import { createLayout, type Layout, type Publisher, storePublisher } from "@headwater/replica";
import { expect } from "vitest";
import {
  type CommitLog,
  type CommitLogOptions,
  IntentFile,
  type LogReader,
  type Published,
  type SyncedFile,
  Syncer,
  type SyncerOptions,
  type SyncFailure,
} from "../src/index.js";
import type { Model } from "./model.js";
import { DIR, memoryFs, openLog, PAGE_SIZE, type State, zeroPage } from "./support.js";

export const LAYOUT: Layout = createLayout("file", "app");
export const WRITER_ID = 0xaan;

export interface BenchOptions
  extends Partial<Pick<SyncerOptions, "limitBytes" | "syncIntervalMs" | "position" | "beforeAttempt" | "nodeID">> {
  readonly log?: Partial<CommitLogOptions>;
  readonly fs?: FileSystem;
  readonly bucket?: MemoryBucket;
  readonly hooks?: Hooks;
  readonly runtime?: ManualRuntime;
}

/** A writer on files and a store in memory, all of it in the test's hands. */
export class Bench {
  readonly fs: FileSystem;
  readonly runtime: ManualRuntime;
  readonly bucket: MemoryBucket;
  readonly store: MemoryObjectStore;
  readonly publisher: Publisher;
  readonly log: CommitLog;
  readonly reader: LogReader;
  readonly intents: IntentFile;
  readonly syncer: Syncer;
  readonly published: () => Published;
  readonly synced: SyncedFile[] = [];
  readonly failures: SyncFailure[] = [];
  readonly fenced: Error[] = [];
  /** The newest state that {@link checkReplica} saw. */
  newest: State | undefined;

  constructor(o: BenchOptions = {}) {
    this.fs = o.fs ?? memoryFs();
    this.runtime = o.runtime ?? new ManualRuntime();
    this.bucket = o.bucket ?? new MemoryBucket();
    this.store = new MemoryObjectStore({ clock: this.runtime.clock, bucket: this.bucket });
    this.publisher = storePublisher(new HookedObjectStore(this.store, o.hooks ?? {}), LAYOUT);
    const { log, reader, published } = openLog(this.fs, o.log);
    this.log = log;
    this.reader = reader;
    this.published = published;
    this.intents = IntentFile.open(this.fs, DIR);
    this.syncer = new Syncer({
      reader,
      intents: this.intents,
      publisher: this.publisher,
      runtime: this.runtime,
      nodeID: o.nodeID ?? WRITER_ID,
      pageSize: o.log?.pageSize ?? PAGE_SIZE,
      position: o.position ?? { txid: 0n as TXID, commit: 0, timestampMs: 0 },
      published,
      fsyncLog: () => reader.fsync(),
      syncIntervalMs: o.syncIntervalMs ?? 1000,
      limitBytes: o.limitBytes ?? 1 << 20,
      onSynced: (file) => this.synced.push(file),
      onFailed: (failure) => this.failures.push(failure),
      onFenced: (error) => this.fenced.push(error),
      ...(o.beforeAttempt === undefined ? {} : { beforeAttempt: o.beforeAttempt }),
    });
  }

  /** Every level-0 file in order gives the model's state at its commit, and none has a hole. */
  async checkReplica(model: Model): Promise<void> {
    const sequences = new Map(this.synced.map((s) => [BigInt(s.txid), s.sequence]));
    const files = await readFiles(this.store);
    let state: Uint8Array[] = model.states[0] ?? [];
    for (const file of files) {
      const sequence = sequences.get(file.txid);
      const want = sequence === undefined ? undefined : model.states[sequence];
      if (want === undefined) expect.fail(`nobody synced TXID ${file.txid}`);
      const before = state;
      state = applyFile(before, file);
      expect(state.length, `size at ${file.txid}`).toBe(want.length);
      for (const [i, page] of want.entries()) {
        if (Buffer.compare(page, state[i] ?? new Uint8Array(0)) !== 0) expect.fail(`page ${i + 1} differs at TXID ${file.txid}`);
      }
    }
    this.newest = state;
  }
}

/** The state that all level-0 files in order give, up to a TXID. */
export function stateAt(files: readonly FileInStore[], txid: bigint): Uint8Array[] {
  return files.filter((f) => f.txid <= txid).reduce<Uint8Array[]>(applyFile, []);
}

export interface FileInStore {
  readonly txid: bigint;
  readonly commit: number;
  readonly timestampMs: number;
  readonly nodeID: bigint;
  readonly fileChecksum: bigint;
  readonly pageSize: number;
  readonly pages: Map<number, Uint8Array>;
}

/** All level-0 files, verified whole; fails where TXIDs are missing, or timestamps do not rise. */
export async function readFiles(store: MemoryObjectStore): Promise<FileInStore[]> {
  const files: FileInStore[] = [];
  for await (const { objects } of store.list(LAYOUT.levelPrefix(0))) {
    for (const { key } of objects) {
      const { header, trailer, pages } = decodeLtx((await store.get(key)).body);
      const { minTXID: txid, commit, timestampMs, nodeID, pageSize } = header;
      expect(key).toBe(LAYOUT.key(0, txid, txid));
      expect(header.maxTXID).toBe(txid);
      const { fileChecksum } = trailer;
      files.push({ txid, commit, timestampMs, nodeID, fileChecksum, pageSize, pages: new Map([...pages()].map((p) => [p.pgno, p.data])) });
    }
  }
  for (const [i, file] of files.entries()) {
    const before = files[i - 1];
    if (before === undefined) continue;
    expect(formatTXID(file.txid)).toBe(formatTXID(before.txid + 1n));
    expect(file.timestampMs).toBeGreaterThan(before.timestampMs);
  }
  return files;
}

/** Applies a file to a state, and insists that it brings every page that is new. */
export function applyFile(before: State, file: FileInStore): Uint8Array[] {
  const state = before.slice(0, file.commit);
  const lock = lockPgno(file.pageSize);
  for (let pgno = file.txid === 1n ? 1 : before.length + 1; pgno <= file.commit; pgno += 1) {
    if (pgno !== lock && !file.pages.has(pgno)) expect.fail(`hole: page ${pgno} in TXID ${file.txid}`);
  }
  while (state.length < file.commit) state.push(zeroPage(file.pageSize));
  for (const [pgno, page] of file.pages) {
    expect(pgno).toBeLessThanOrEqual(file.commit);
    state[pgno - 1] = page;
  }
  return state;
}
