import type { EngineConfig } from "@headwater/engine";
import type { StoreConfig } from "./channel/protocol.js";

/** Everything that opening one database needs. Plain data. */
export interface DatabaseConfig {
  readonly engine: EngineConfig;
  readonly store: StoreConfig;
  readonly busyTimeoutMs: number;
  /** `"commit"`: a statement that commits returns once its commit is in the replica. */
  readonly durability: "interval" | "commit";
  /** Bytes of the page cache. SQLite's own is beside it. */
  readonly cacheBytes: number;
  /** `"memory"`: the commit log is in memory that both threads share, and gone with the process. */
  readonly bufferTarget: "file" | "memory";
  /** Limit of unsynced committed bytes. */
  readonly bufferBytesMax: number;
}
