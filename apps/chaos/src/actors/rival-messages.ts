import type { Options } from "headwater";

/** What a rival process is started with, as JSON in its first argument. */
export interface RivalTask {
  readonly url: string;
  /** Which of the two: in every row that it adds. */
  readonly name: string;
  readonly seed: number;
  readonly options: Options;
  /** Between two commits, at most, milliseconds. */
  readonly pauseMsMax: number;
}

/** What a rival is told, one word a line: commit no more by yourself; commit once, sync and say how it went; close and end. */
export type RivalOrder = "rest" | "settle" | "close";

export type RivalMessage =
  /** It opened for writing, and `top` is the newest row that it sees. `setAside`: how much of its own it found stranded. */
  | { readonly kind: "open"; readonly top: number; readonly setAside: number }
  /** It may not write for now: another's lease. */
  | { readonly kind: "held" }
  | { readonly kind: "commit"; readonly id: number; readonly digest: string }
  /** A sync confirmed its rows up to this one, at this TXID. */
  | { readonly kind: "sync"; readonly id: number; readonly digest: string; readonly txid: string }
  | { readonly kind: "fenced"; readonly localTxid: string; readonly remoteTxid: string; readonly owner: boolean; readonly during: string }
  /** The answer to "settle". */
  | { readonly kind: "settled"; readonly as: "winner" | "fenced" | "away" | "unknown" }
  | { readonly kind: "resting" }
  | { readonly kind: "closed" }
  /** Storage was away; it goes on trying. */
  | { readonly kind: "unavailable"; readonly code: string; readonly during: string }
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly during: string };
