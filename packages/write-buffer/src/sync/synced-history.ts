import type { TXID } from "@headwater/core";

/** Files remembered. A commit older than that is answered with the oldest file known, which holds it too. */
const ENTRIES_MAX = 1024;

/** Which TXID holds which commit. */
export class SyncedHistory {
  #entries: { readonly sequence: number; readonly txid: TXID }[];

  constructor(sequence: number, txid: TXID) {
    this.#entries = [{ sequence, txid }];
  }

  add(sequence: number, txid: TXID): void {
    this.#entries.push({ sequence, txid });
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
  }

  /** The oldest known TXID that holds the commit; `undefined` while none does. */
  holding(sequence: number): TXID | undefined {
    return this.#entries.find((e) => e.sequence >= sequence)?.txid;
  }
}
