import { type FencedError, HeadwaterError, OptionError, type Runtime, type TXID, txid } from "@headwater/core";
import type { EncodedLtx } from "@headwater/ltx";
import type { Publisher, ReplicaFile } from "@headwater/replica";
import type { LogReader, Published } from "./log-reader.js";
import { backoffMs } from "./sync/backoff.js";
import { collectBatch } from "./sync/batch.js";
import { encodeBatch } from "./sync/encode-batch.js";
import type { IntentFile } from "./sync/intent-file.js";
import type { Intent } from "./sync/intent-record.js";
import { OutgoingFile } from "./sync/outgoing-file.js";
import { slicesOf } from "./sync/pace.js";
import { SyncedHistory } from "./sync/synced-history.js";
import { Waiters } from "./sync/waiters.js";

/** Transactions are gathered into files of about this size, before compression. */
export const SYNC_BYTES_DEFAULT: number = 64 * 1024 * 1024;
/** A call of `sync()` or `close()` bears fewer failed attempts than this, if they are such as may mend. */
const ATTEMPTS_MAX = 3;

/** A level-0 file that is now in the replica. */
export interface SyncedFile {
  readonly encoded: EncodedLtx;
  readonly file: ReplicaFile;
  /** It holds the commits up to this one. */
  readonly sequence: number;
  /** How many. */
  readonly transactions: number;
  readonly txid: TXID;
  /** Database size after it, in pages. */
  readonly commit: number;
  readonly durationMs: number;
}

/** A failed attempt. */
export interface SyncFailure {
  readonly error: HeadwaterError;
  /** Infinite when trying again can't help. */
  readonly retryInMs: number;
  /** Since the first of the failures in a row. */
  readonly sinceMs: number;
}

/** Where the replica stands when the syncer begins. */
export interface SyncPosition {
  readonly txid: TXID;
  /** Database size there, in pages. */
  readonly commit: number;
  /** Of the newest file; 0 for an empty replica. */
  readonly timestampMs: number;
  /** Of the newest file; noted with the next intent. */
  readonly fileChecksum?: bigint;
  /** The last commit of the log that the replica holds. Default: 0, as in a new log. */
  readonly sequence?: number;
}

export interface SyncerOptions {
  readonly reader: LogReader;
  readonly intents: IntentFile;
  readonly publisher: Publisher;
  readonly runtime: Runtime;
  /** The writer's random id, in every file's header. */
  readonly nodeID: bigint;
  readonly pageSize: number;
  readonly position: SyncPosition;
  /** The newest commit, from shared memory. */
  readonly published: () => Published;
  /** Makes the log durable up to the newest commit: {@link LogReader.fsync}, or nothing for a log in memory. */
  readonly fsyncLog: () => Promise<void> | void;
  /** A commit is uploaded at most so long after it; 0: only by {@link Syncer.sync}, `durable` and `close`. */
  readonly syncIntervalMs: number;
  readonly limitBytes?: number;
  /** For the {@link FencedError}. */
  readonly bufferPath?: string;
  /** Called once a file is certainly in the replica, before those who wait for it learn of it. Must not throw. */
  readonly onSynced: (synced: SyncedFile) => void;
  readonly onFailed: (failure: SyncFailure) => void;
  /** Called once, when another writer's file was found. */
  readonly onFenced: (error: FencedError) => void;
  /** Awaited before each put: lease and proof of position. What it throws fails the attempt. */
  readonly beforeAttempt?: () => Promise<void>;
}

/**
 * Uploads commits in the background, on the I/O thread: whole transactions at a time, one file at a time, TXID after
 * TXID. Failed attempts are repeated for ever, with the same bytes, until it is closed or fenced.
 */
export class Syncer {
  readonly #options: SyncerOptions;
  readonly #waiters = new Waiters();
  readonly #history: SyncedHistory;
  readonly #ending = new AbortController();
  #position: { readonly txid: TXID; readonly timestampMs: number; readonly fileChecksum: bigint; readonly sequence: number };
  /** Why it is over. */
  #ended: HeadwaterError | undefined;
  #closing: Promise<void> | undefined;
  #running = false;
  #attempting = false;
  #outgoing: OutgoingFile | undefined;
  /** The next attempt is due, or was noted as due, then. */
  #dueAtMs: number | undefined;
  #rush = false;
  #alarm: AbortController | undefined;
  #failures = 0;
  #failingSinceMs = 0;
  #retryAtMs = 0;
  #lastError: HeadwaterError | undefined;
  /** First commit of those that are in no file yet, and of those in the outgoing one. */
  #waitingSinceMs: number | undefined;
  #outgoingSinceMs: number | undefined;

  /** What a former process left is uploaded within the interval; an unconfirmed intent of it, at once. */
  constructor(options: SyncerOptions) {
    this.#options = options;
    const { txid: newest, timestampMs, fileChecksum = 0n, sequence = 0 } = options.position;
    this.#position = { txid: newest, timestampMs, fileChecksum, sequence };
    this.#history = new SyncedHistory(sequence, newest);
    if (options.intents.unconfirmed !== undefined) this.#rush = true;
    if (this.#pending) this.notifyCommit();
    if (this.#rush) this.#kick();
  }

  /** The newest file that is certainly ours and in the replica, and the last commit that it holds. */
  get position(): { readonly txid: TXID; readonly sequence: number } {
    return this.#position;
  }

  /** How long the oldest commit that is not in the replica has waited; `undefined` when there is none. */
  get lagMs(): number | undefined {
    if (!this.#pending) return undefined;
    const now = this.#now();
    return Math.max(0, now - (this.#outgoingSinceMs ?? this.#waitingSinceMs ?? now));
  }

  /** Of the attempts that failed since the last success. */
  get lastError(): HeadwaterError | undefined {
    return this.#lastError;
  }

  /** Something was published: upload it within the interval. Cheap; call it for every commit, or for some. */
  notifyCommit(): void {
    if (this.#ended !== undefined) return;
    this.#waitingSinceMs ??= this.#now();
    const { syncIntervalMs } = this.#options;
    if (syncIntervalMs === 0 || this.#dueAtMs !== undefined) return;
    this.#dueAtMs = this.#now() + syncIntervalMs;
    this.#kick();
  }

  /**
   * Uploads at once what is committed, and resolves when `minSequence` is in the replica, to a TXID that holds it.
   *
   * Joins the file under way if that holds `minSequence`; else the next one follows it without delay. Rejects with the
   * error of its attempt: at once for one that trying again won't mend (access denied, no such bucket), at the third in
   * a row for others. The attempts go on in the background all the same, and nothing is lost.
   */
  sync(minSequence: number): Promise<TXID> {
    return this.#wait(minSequence, ATTEMPTS_MAX);
  }

  /**
   * Resolves when the commit is in the replica, without an upload of its own (but where the interval is 0). Rejects only
   * when the syncer is closed or fenced before.
   */
  durable(sequence: number): Promise<TXID> {
    return this.#options.syncIntervalMs === 0 ? this.sync(sequence) : this.#wait(sequence, Number.POSITIVE_INFINITY);
  }

  /**
   * As {@link sync}, but bears failures that may mend until a deadline: for a caller whose commit has to be in the replica
   * before it goes on.
   *
   * @param deadlineMs - From now, in milliseconds.
   * @param urgent - Makes an attempt at once also while waiting to try again.
   * @throws `NOT_DURABLE` at the deadline, and at once for what trying again won't mend: the commit is in the write
   *   buffer, and the attempts go on. `FENCED` and `CLOSED` as they are.
   */
  async confirm(sequence: number, deadlineMs: number, urgent = false): Promise<TXID> {
    try {
      // Otherwise every commit of an outage would make an attempt of its own.
      const atOnce = urgent || this.#failures === 0;
      return await this.#within(this.#wait(sequence, Number.MAX_SAFE_INTEGER, atOnce), deadlineMs, UNCONFIRMED);
    } catch (error) {
      if (!HeadwaterError.is(error) || KNOWN_TO_CONFIRM.has(error.code)) throw error;
      throw new HeadwaterError("NOT_DURABLE", UNCONFIRMED, { cause: error, retryable: false });
    }
  }

  /**
   * Uploads what is left and ends. Idempotent.
   *
   * @param options - `deadlineMs`: retries until then; without it, as long as {@link sync} does.
   * @throws What kept it from being uploaded; `NOT_DURABLE` at the deadline. The buffer then has it all, and a file whose
   *   outcome is unknown is settled by the next open.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number | undefined): Promise<void> {
    try {
      if (!this.#pending) return;
      const { sequence } = this.#options.published();
      const last = this.#wait(
        Math.max(sequence, this.#position.sequence),
        deadlineMs === undefined ? ATTEMPTS_MAX : Number.MAX_SAFE_INTEGER,
      );
      await (deadlineMs === undefined ? last : this.#within(last, deadlineMs, LAST_SYNC_LATE));
    } finally {
      this.#end(new HeadwaterError("CLOSED", "the database is closed"));
    }
  }

  async #within(last: Promise<TXID>, deadlineMs: number, message: string): Promise<TXID> {
    const timer = new AbortController();
    const late = this.#options.runtime.timers.sleep(deadlineMs, timer.signal).then((): never => {
      const cause = this.#lastError ?? this.#outgoing?.trouble;
      throw new HeadwaterError("NOT_DURABLE", `${message} deadlineMs=${deadlineMs}`, { cause });
    });
    try {
      return await Promise.race([last, late]);
    } finally {
      timer.abort();
      last.catch(() => undefined); // Whoever lost the race has nobody left to tell.
      late.catch(() => undefined);
    }
  }

  async #wait(sequence: number, failures: number, atOnce = failures !== Number.POSITIVE_INFINITY): Promise<TXID> {
    const held = this.#history.holding(sequence);
    if (held !== undefined) return held;
    if (this.#ended !== undefined) throw this.#ended;
    if (sequence > this.#options.published().sequence) throw new OptionError("BAD_OPTION", `no such commit sequence=${sequence}`);
    const done = this.#waiters.add(sequence, failures);
    if (atOnce && !this.#attempting) this.#rush = true;
    this.#kick();
    return done;
  }

  get #pending(): boolean {
    const { intents, published } = this.#options;
    return this.#outgoing !== undefined || intents.unconfirmed !== undefined || published().sequence > this.#position.sequence;
  }

  #now(): number {
    return this.#options.runtime.clock.monotonicMs();
  }

  #kick(): void {
    this.#alarm?.abort();
    if (this.#running || this.#ended !== undefined) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const inMs = this.#dueInMs();
      if (inMs === undefined) break;
      if (inMs > 0) await this.#sleep(inMs);
      else await this.#attempt();
    }
    this.#running = false;
  }

  /** When the next attempt is due; `undefined`: not before something happens. */
  #dueInMs(): number | undefined {
    if (this.#ended !== undefined) return undefined;
    if (!this.#pending) {
      this.#dueAtMs = undefined;
      this.#waitingSinceMs = undefined;
      this.#rush = false;
      return undefined;
    }
    if (this.#rush) return 0;
    if (this.#failures > 0) return Math.max(0, this.#retryAtMs - this.#now());
    if (this.#waiters.wantsUpload) return 0;
    return this.#dueAtMs === undefined ? undefined : Math.max(0, this.#dueAtMs - this.#now());
  }

  async #sleep(durationMs: number): Promise<void> {
    const alarm = new AbortController();
    this.#alarm = alarm;
    try {
      await this.#options.runtime.timers.sleep(durationMs, alarm.signal);
    } catch {
      // Woken early: something became due sooner.
    }
    this.#alarm = undefined;
  }

  async #attempt(): Promise<void> {
    this.#rush = false;
    this.#attempting = true;
    try {
      this.#outgoing ??= await this.#prepare();
      const file = await this.#outgoing.attempt(this.#ending.signal);
      if (this.#ended === undefined) this.#succeeded(this.#outgoing, file);
    } catch (error) {
      if (this.#ended === undefined) this.#failed(error);
    } finally {
      this.#attempting = false;
    }
  }

  async #prepare(): Promise<OutgoingFile> {
    const { reader, intents, published, runtime, nodeID, pageSize, limitBytes = SYNC_BYTES_DEFAULT } = this.#options;
    const startedMs = this.#now();
    const slices = slicesOf(runtime, this.#ending.signal);
    const left = intents.unconfirmed;
    const from = left?.startSequence ?? this.#position.sequence;
    // What is noted from here on is in a later file.
    this.#dueAtMs = undefined;
    const waitingSinceMs = this.#waitingSinceMs;
    this.#waitingSinceMs = undefined;
    const to = left?.endSequence ?? published().sequence;
    try {
      const batch = await collectBatch(
        reader,
        from,
        to,
        left === undefined ? Math.max(1, limitBytes / pageSize) : Number.POSITIVE_INFINITY,
        slices,
      );
      const next = txid(this.#position.txid + 1n);
      const timestampMs = left?.timestampMs ?? Math.max(Math.floor(runtime.clock.nowMs()), this.#position.timestampMs + 1);
      const identity = { txid: left?.txid ?? next, pageSize, timestampMs, nodeID: left?.nodeID ?? nodeID };
      const encoded = await encodeBatch(reader, batch, identity, slices);
      const intent: Intent = {
        ...{ txid: identity.txid, timestampMs, nodeID: identity.nodeID },
        ...{ startSequence: from, endSequence: batch.endSequence },
        ...{ fileChecksum: encoded.trailer.fileChecksum, size: encoded.bytes.byteLength },
        previous: left?.previous ?? { fileChecksum: this.#position.fileChecksum, timestampMs: Math.max(0, this.#position.timestampMs) },
      };
      if (left !== undefined) checkSameBytes(left, intent);
      if (batch.endSequence < to) this.#dueAtMs = this.#now();
      this.#outgoingSinceMs = waitingSinceMs;
      const { fsyncLog, publisher, beforeAttempt, bufferPath } = this.#options;
      return new OutgoingFile(encoded, intent, startedMs, { intents, publisher, fsyncLog, beforeAttempt, bufferPath });
    } catch (error) {
      this.#waitingSinceMs = waitingSinceMs ?? this.#waitingSinceMs;
      throw error;
    }
  }

  #succeeded({ encoded, intent, startedMs }: OutgoingFile, file: ReplicaFile): void {
    const { reader, onSynced } = this.#options;
    const { txid: newest, endSequence: sequence, startSequence, timestampMs, fileChecksum } = intent;
    this.#outgoing = undefined;
    this.#outgoingSinceMs = undefined;
    this.#position = { txid: newest, timestampMs, fileChecksum, sequence };
    this.#history.add(sequence, newest);
    this.#failures = 0;
    this.#lastError = undefined;
    reader.release(sequence);
    const { commit } = encoded.header;
    // Those who wait run after this returns, so they find that onSynced was called.
    this.#waiters.settle(sequence, newest);
    onSynced({
      encoded,
      file,
      sequence,
      transactions: sequence - startSequence,
      txid: newest,
      commit,
      durationMs: this.#now() - startedMs,
    });
  }

  #failed(thrown: unknown): void {
    const error = HeadwaterError.is(thrown)
      ? thrown
      : new HeadwaterError("NOT_DURABLE", "a sync failed; its commits stay in the write buffer", { cause: thrown, retryable: true });
    this.#lastError = error;
    if (error.code === "FENCED") {
      this.#end(error);
      this.#options.onFenced(error as FencedError);
      return;
    }
    this.#failures += 1;
    if (this.#failures === 1) this.#failingSinceMs = this.#now();
    const sinceMs = this.#now() - this.#failingSinceMs;
    if (error.code === "NOT_DURABLE" && !error.retryable) {
      this.#end(error);
      this.#options.onFailed({ error, retryInMs: Number.POSITIVE_INFINITY, sinceMs });
      return;
    }
    const retryInMs = backoffMs(this.#failures, this.#options.runtime.random);
    this.#retryAtMs = this.#now() + retryInMs;
    this.#options.onFailed({ error, retryInMs, sinceMs });
    this.#waiters.failed(error, error.retryable || isLocal(error));
  }

  #end(error: HeadwaterError): void {
    this.#ended ??= error;
    this.#ending.abort();
    this.#alarm?.abort();
    this.#waiters.rejectAll(error);
  }
}

const LAST_SYNC_LATE = "the last sync did not finish in time; its commits stay in the write buffer and are uploaded after the next open";
const UNCONFIRMED =
  "the commit is done here and in the write buffer, but not confirmed to be in the replica; it is still being retried, so don't repeat it: durable() tells when it is there";
/** What {@link Syncer.confirm} passes on as it is. */
const KNOWN_TO_CONFIRM: ReadonlySet<string> = new Set(["NOT_DURABLE", "FENCED", "CLOSED", "BAD_OPTION"]);

/** Local files may mend too: a full disk is made room on. */
function isLocal(error: HeadwaterError): boolean {
  return error.code === "BUFFER_UNWRITABLE" || error.code.startsWith("SQLITE_");
}

function checkSameBytes(left: Intent, again: Intent): void {
  if (left.fileChecksum === again.fileChecksum && left.size === again.size) return;
  throw new HeadwaterError(
    "NOT_DURABLE",
    "an unconfirmed file of a former process can't be made again with the same bytes, so it is not known what the replica holds; " +
      `its commits stay in the write buffer: open it with the release that made it txid=${left.txid} size=${left.size} now=${again.size}`,
  );
}
