import { formatTXID, type TXID, txid } from "@headwater/core";
import { dropAbove } from "../log/drop-above.js";
import type { LogBase } from "../log/segment.js";
import type { Intent, IntentRecord } from "../sync/intent-record.js";
import type { LogContents } from "./read-log.js";
import type { ScannedTransaction } from "./scan-segment.js";

/** Where the replica stood, as far as this buffer knows for certain. */
export interface ResolvedBase extends Required<LogBase> {
  /** The last transaction of the log that it holds. */
  readonly sequence: number;
}

/** A log and its intents, taken together. */
export interface Resolved {
  readonly base: ResolvedBase;
  /** Put, or about to be, with no certain outcome. */
  readonly unconfirmed: Intent | undefined;
}

/** What segments and intents say together; a text when they contradict each other. */
export function resolve(log: LogContents, record: IntentRecord | undefined): Resolved | string {
  const { header } = log;
  const stated: ResolvedBase = { ...header.base, sequence: header.baseSequence };
  if (record === undefined || record.endSequence <= stated.sequence) return checked(log, { base: stated, unconfirmed: undefined });
  if (record.confirmed) return checked(log, { base: baseOf(log, record), unconfirmed: undefined });
  if (record.startSequence === stated.sequence) {
    if (record.txid !== stated.txid + 1n)
      return `intent for TXID ${formatTXID(record.txid)} on a log that builds on ${formatTXID(stated.txid)}`;
    return checked(log, { base: stated, unconfirmed: record });
  }
  if (record.startSequence < stated.sequence || record.txid < 1n) return "intent reaches back before what the log builds on";
  const { previous, startSequence: sequence } = record;
  const base = { txid: txid(record.txid - 1n), ...previous, commit: commitAt(log, sequence) ?? 0, sequence };
  return checked(log, { base, unconfirmed: record });
}

/** The base once an intent's file is known to be in the replica. */
export function baseOf(log: LogContents, { txid: newest, fileChecksum, timestampMs, endSequence: sequence }: Intent): ResolvedBase {
  return { txid: newest, fileChecksum, timestampMs, commit: commitAt(log, sequence) ?? 0, sequence };
}

function checked(log: LogContents, resolved: Resolved): Resolved | string {
  if (log.before.sequence <= resolved.base.sequence) return resolved;
  return `transactions from ${resolved.base.sequence + 1} to ${log.before.sequence} are missing`;
}

function commitAt({ before, transactions }: LogContents, sequence: number): number | undefined {
  return sequence === before.sequence ? before.commit : transactions[sequence - before.sequence - 1]?.commit;
}

/** The transactions that the base does not hold. */
export function pendingOf(log: LogContents, base: ResolvedBase): readonly ScannedTransaction[] {
  return log.transactions.slice(Math.max(0, base.sequence - log.before.sequence));
}

/** Newest frame of each page that these transactions leave. */
export function newestPages(transactions: readonly ScannedTransaction[]): Map<number, number> {
  const pages = new Map<number, number>();
  let before = 0;
  for (const { pages: list, minSizePages, commit } of transactions) {
    dropAbove(pages, minSizePages, before);
    for (let i = 0; i + 1 < list.length; i += 2) pages.set(list[i] ?? 0, list[i + 1] ?? 0);
    before = commit;
  }
  return pages;
}

/** Bytes of log that they take. */
export function logBytes(transactions: readonly ScannedTransaction[]): number {
  const first = transactions[0];
  const last = transactions[transactions.length - 1];
  return first === undefined || last === undefined ? 0 : last.endOffset - first.startOffset;
}

/** For a name: what a set-aside log builds on. */
export function txidText(value: TXID | undefined): string {
  return formatTXID(value ?? 0n);
}
