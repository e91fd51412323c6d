import { mustBe } from "../claim.js";
import type { Link } from "./history.js";

/** A row that a sync of this writer confirmed, at this TXID or before. */
export interface Confirmed extends Link {
  readonly name: string;
  readonly txid: string;
}

/**
 * What two writers were told must fit one line of history.
 *
 * @throws {Violation} if a confirmed row is gone or another, if a TXID has two winners, or if rows and TXIDs come in different orders.
 */
export function checkWinners(line: readonly Link[], confirmed: readonly Confirmed[]): void {
  const winners = new Map<string, string>();
  for (const { name, id, digest, txid } of confirmed) {
    const there = line[id - 1]?.digest;
    mustBe(
      there === digest,
      () => `row ${id} of writer ${name} was confirmed at TXID ${txid}, and the replica has ${there ?? "nothing"} there`,
    );
    const other = winners.get(txid);
    mustBe(other === undefined || other === name, () => `TXID ${txid} was confirmed to ${other} and to ${name}`);
    winners.set(txid, name);
  }
  const inOrder = [...confirmed].sort((a, b) => a.id - b.id);
  for (const [i, { id, txid }] of inOrder.entries()) {
    const before = inOrder[i - 1];
    mustBe(
      before === undefined || before.txid <= txid,
      () => `row ${id} was confirmed at TXID ${txid}, and row ${before?.id} at ${before?.txid}`,
    );
  }
}
