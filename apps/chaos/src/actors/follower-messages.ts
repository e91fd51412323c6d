import type { State } from "../steady/state.js";

export interface FollowerTask {
  readonly url: string;
}

export type FollowerMessage =
  /** It has adopted a view and read all of it: quick_check, every row, the size. */
  | ({ readonly kind: "view"; readonly txid: string; readonly check: string } & State)
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
