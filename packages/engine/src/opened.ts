import type { SharedCopy } from "@headwater/hydrator";
import type { LogBase, RecoveredLog } from "@headwater/write-buffer";
import type { PackedFrames } from "./packed-frames.js";

/** What the SQLite thread needs to start. Plain data. */
export interface Opened {
  readonly shared: SharedArrayBuffer;
  readonly viewId: number;
  readonly txid: bigint;
  readonly pageSize: number;
  /** Pages. */
  readonly commit: number;
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly copy?: SharedCopy;
  readonly log?: OpenedLog;
}

/** How the SQLite thread opens the commit log. Plain data. */
export interface OpenedLog {
  readonly dir: string;
  readonly base: LogBase;
  readonly identity: string;
  readonly owner: string;
  readonly writerId: bigint;
  readonly recovered?: RecoveredLog;
}

export interface PagesReply {
  /** The page that was asked for, and some that will be asked for at once. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  /** Pages that may be asked for some time, as frames: more of them fit into a cache. */
  readonly frames?: PackedFrames;
}

export interface AdoptReply {
  readonly viewId: number;
  readonly txid: bigint;
  readonly commit: number;
  /** Pages that may differ from the view before. */
  readonly changed: Uint32Array | "all";
}
