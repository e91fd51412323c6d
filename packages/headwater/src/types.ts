import type { FencedError, HeadwaterError } from "@headwater/core";
import type { EngineEvents, HydrationReport, RequestKind } from "@headwater/engine";

/** A transaction's number: 16 lower-case hex digits, so it sorts, and `JSON.stringify` works. */
export type TXID = string;
/** Values as better-sqlite3 has them. */
export type SqlValue = null | number | bigint | string | Uint8Array;
/** Positional values, or named ones without their prefix. */
export type Params = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;
export type Row = Record<string, SqlValue>;

/** What a statement that returns no rows did. */
export interface RunResult {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
  /** Number of the newest local commit: what `durable()` takes. */
  readonly commit: number;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface HydrationOptions {
  /** Where the local copy goes. Default: a file of its own in the temporary directory. Removed on close. */
  readonly path?: string;
  /** `"open"` (default) starts in the background at once, `"manual"` waits for `hydrate()`. */
  readonly start?: "open" | "manual";
  /** Ranges in flight at once. Default 4. */
  readonly concurrency?: number;
  /** Default: no limit. */
  readonly maxBytesPerSecond?: number;
}

/** What of the replica was read stays on a local disk, and need not be asked of the store again after a restart. */
export interface DiskCacheOptions {
  /** A folder; other databases and other processes may share it. Made where it is missing. */
  readonly path: string;
  /** Bytes of everything in it, whoever wrote it. At least 1 MiB. */
  readonly maxBytes: number;
}

/** What `open()` and `openSync()` take. */
export interface Options {
  /** Default false. Creates the database if the replica is empty. */
  readonly write?: boolean;
  /** Default: as `write`. */
  readonly create?: boolean;
  /** Bytes, 512 to 65536. Default 4096. Only for a new database. */
  readonly pageSize?: number;
  /**
   * Default `"interval"`: a commit is in the local buffer when its statement returns, and in the replica after its sync.
   * `"commit"`: the statement returns once the commit is in the replica; concurrent ones share an upload. One that can't
   * be confirmed within `remoteTimeoutMs` rejects with `NOT_DURABLE`, and is uploaded later all the same.
   */
  readonly durability?: "interval" | "commit";
  /** Milliseconds. Default 1000; 0 syncs only at `sync()`, and on `close()`. */
  readonly syncIntervalMs?: number;
  /** Read mode, milliseconds. Default 1000; 0 polls only at `refresh()`. */
  readonly pollIntervalMs?: number;
  /** Milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** Deadline of one statement's wait for the store, milliseconds. Default 30000. */
  readonly remoteTimeoutMs?: number;
  /** Default false. */
  readonly hydration?: boolean | HydrationOptions;
  /**
   * `path`: the folder of the commit log. Default: a stable one, see the README. `maxBytes`: limit of commits that are not
   * in the replica; at it a commit waits for the sync, for `remoteTimeoutMs`, and then fails with `BUFFER_FULL` and is
   * rolled back. Default 1 GiB. `target: "memory"` is for disks that can't be written, and gives crash safety up: a process
   * that is killed loses its commits since the last sync, as a whole suffix. `maxBytes` is 64 MiB by default then.
   */
  readonly buffer?: { readonly target?: "file" | "memory"; readonly path?: string; readonly maxBytes?: number };
  /** `maxBytes` of pages in memory: default 32 MiB. `disk`: default none. */
  readonly cache?: { readonly maxBytes?: number; readonly disk?: DiskCacheOptions };
  /**
   * Whether a writer's commits are synced when the process ends without `close()`: at its natural end, `process.exit()`, an
   * uncaught error, SIGTERM and SIGINT (`signals`). Default `{ signals: true, deadlineMs: 5000 }`. What can't be uploaded by
   * then stays in the buffer.
   */
  readonly onExit?: boolean | { readonly signals?: boolean; readonly deadlineMs?: number };
  readonly store?: {
    /** Default: the usual AWS chain. A function runs in the caller's thread, and `openSync()` refuses it. */
    readonly credentials?: Credentials | (() => Promise<Credentials>);
    readonly region?: string;
    readonly endpoint?: string;
    readonly forcePathStyle?: boolean;
    readonly bareEtags?: boolean;
  };
  /** A module whose default export is `() => Promise<Credentials>`; runs in the I/O thread. */
  readonly credentialsModule?: URL;
  /** Default: nothing is printed. */
  readonly logger?: Logger;
  /** Ends an `open()` that is under way. */
  readonly signal?: AbortSignal;
}

export type Logger = Pick<Console, "debug" | "info" | "warn" | "error">;

/** Plain data: structured-clone and JSON safe. */
export interface Status {
  readonly url: string;
  readonly mode: "read" | "write" | "fenced" | "closed";
  readonly txid: TXID;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly sync: {
    readonly pendingTransactions: number;
    readonly pendingBytes: number;
    readonly lagMs: number;
    readonly durableTxid: TXID;
    readonly lastError?: string;
  };
  readonly hydration: HydrationReport;
  readonly stale: { readonly reason: string; readonly sinceMs: number } | null;
  readonly buffer: { readonly path?: string; readonly bytes: number; readonly setAside: readonly string[] };
  readonly requests: Readonly<Record<RequestKind, { readonly count: number; readonly bytes: number }>>;
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    readonly bytes: number;
    /** Ranges of files, not pages. `bytes`: what this database has on the disk. */
    readonly disk?: { readonly path: string; readonly hits: number; readonly misses: number; readonly bytes: number };
  };
}

/** Typed events. There is no "error": failures reject, or are a `warning`. */
export interface Events {
  sync: [event: EngineEvents["sync"]];
  syncFailed: [event: EngineEvents["syncFailed"]];
  fenced: [error: FencedError];
  recovered: [event: EngineEvents["recovered"]];
  view: [event: EngineEvents["view"]];
  hydration: [event: HydrationReport];
  stale: [event: EngineEvents["stale"]];
  warning: [error: HeadwaterError];
  close: [];
}
