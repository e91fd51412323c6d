import type { FencedError, HeadwaterError } from "@headwater/core";
import type { HydrationState } from "./shared-state.js";

/** What an engine reports as it happens. TXIDs are 16 hex digits. */
export interface EngineEvents {
  sync: { readonly txid: string; readonly transactions: number; readonly bytes: number; readonly durationMs: number };
  syncFailed: {
    readonly error: HeadwaterError;
    readonly pendingTransactions: number;
    readonly sinceMs: number;
    readonly retryInMs: number;
  };
  fenced: FencedError;
  recovered: { readonly transactions: number; readonly setAside?: string };
  view: { readonly txid: string; readonly pages: number };
  hydration: HydrationReport;
  stale: { readonly reason: string; readonly sinceMs: number };
  warning: HeadwaterError;
  /** The SQLite thread should adopt an own sync although nothing calls it. */
  ownSync: { readonly viewId: number };
}

export interface HydrationReport {
  readonly state: HydrationState;
  /** Pages that are in the local copy, of `pageCount`. */
  readonly pages: number;
  readonly pageCount: number;
  /** Bytes fetched for it. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
  readonly path?: string;
}

export type Emit = <K extends keyof EngineEvents>(name: K, event: EngineEvents[K]) => void;
