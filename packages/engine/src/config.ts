import type { FileSystem, PathLocks, Runtime } from "@headwater/core";
import type { ObjectStore } from "@headwater/object-store";
import type { LayoutKind } from "@headwater/replica";
import type { SharedState } from "./shared-state.js";

/** What one open database is to do. Plain data: it crosses from the caller's thread to the I/O thread. */
export interface EngineConfig {
  /** Store and prefix in one string, the same in every process: whose buffer it is. Without credentials. */
  readonly identity: string;
  /** The replica's URL as it may appear in messages. */
  readonly url: string;
  readonly layout: LayoutKind;
  readonly prefix: string;
  readonly write: boolean;
  /** Make the database when the replica is empty. */
  readonly create: boolean;
  /** Bytes; of a new database only. */
  readonly pageSize: number;
  /** An existing database must have just this page size, because the caller asked for it by name. */
  readonly pageSizeRequired: boolean;
  /** Milliseconds between syncs; 0 syncs only when asked to. */
  readonly syncIntervalMs: number;
  /** Milliseconds between polls in read mode; 0 polls only when asked to. */
  readonly pollIntervalMs: number;
  /** Deadline of one wait for the store, in milliseconds. */
  readonly remoteTimeoutMs: number;
  /** Bytes of the SQLite thread's page cache, which answers must leave room in. Default: 32 MiB. */
  readonly cacheBytes?: number;
  /** Directory of the commit log; needed to write. */
  readonly bufferDir?: string;
  /** The commit log is in memory: `bufferDir` is a name in {@link EnginePorts.bufferFs}, and gone with the process. */
  readonly bufferInMemory?: boolean;
  /** `host:pid` of this process, shown to whoever meets our lease or buffer. */
  readonly owner: string;
  readonly hydration?: HydrationConfig;
  readonly diskCache?: DiskCacheConfig;
}

/** Where ranges of the replica's files are kept on a local disk, beyond the life of the process. */
export interface DiskCacheConfig {
  /** A folder that other databases and other processes may share. */
  readonly path: string;
  /** Bytes of everything in it. */
  readonly maxBytes: number;
}

export interface HydrationConfig {
  /** The local copy. Removed on close. */
  readonly path: string;
  readonly start: "open" | "manual";
  /** Ranges in flight at once. */
  readonly concurrency?: number;
  readonly maxBytesPerSecond?: number;
}

/** The outside world of an engine. */
export interface EnginePorts {
  readonly store: ObjectStore;
  readonly fs: FileSystem;
  /** Where the commit log is; default: `fs`. */
  readonly bufferFs?: FileSystem;
  readonly locks: PathLocks;
  readonly runtime: Runtime;
  /** Memory that the SQLite thread sees too. */
  readonly shared: SharedState;
}
