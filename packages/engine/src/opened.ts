import type { SharedCopy } from "@headwater/hydrator";
import type { LogBase, RecoveredLog } from "@headwater/write-buffer";

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
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

export interface AdoptReply {
  readonly viewId: number;
  readonly txid: bigint;
  readonly commit: number;
  /** Pages that may differ from the view before. */
  readonly changed: Uint32Array | "all";
}
