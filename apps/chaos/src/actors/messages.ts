import type { Options } from "headwater";

/** What a writer process is started with, as JSON in its first argument. */
export interface WriterTask {
  readonly url: string;
  readonly api: "open" | "openSync";
  /** What the ledger's transactions are made from. */
  readonly seed: number;
  readonly options: Options;
  /** `sync()` is called after about so many commits; 0: never. */
  readonly syncEvery: number;
  /** Closes and ends after so many commits; absent: goes on until it is killed. */
  readonly commits?: number;
}

/** What a writer process says, one line of JSON each, as soon as it is so. */
export type WriterMessage =
  /** The database is open, `afterMs` after the process began, and was found to hold exactly the transactions 1 to `top`. */
  | { readonly kind: "open"; readonly top: number; readonly setAside: readonly string[]; readonly txid: string; readonly afterMs: number }
  /** The commit of transaction `n` has returned. */
  | { readonly kind: "commit"; readonly n: number }
  /** A sync confirmed the transactions up to `n`. */
  | { readonly kind: "sync"; readonly n: number; readonly txid: string }
  /** A sync failed, and will be tried again. */
  | { readonly kind: "syncFailed"; readonly n: number; readonly code: string }
  /** It closed in order. */
  | { readonly kind: "closed" }
  /** It is fenced, or ended by another error. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly during: string };
