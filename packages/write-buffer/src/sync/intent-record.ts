import { type TXID, txid } from "@headwater/core";
import { crc64 } from "@headwater/ltx";
import { readSafe, viewOf, writeSafe } from "../log/bytes.js";

/** One slot of the intent file. */
export const INTENT_BYTES = 128;
export const INTENT_VERSION = 1;

/** "HWINTENT" */
const MAGIC_HIGH = 0x4857494e;
const MAGIC_LOW = 0x54454e54;
const CRC_AT = INTENT_BYTES - 8;

/** A level-0 file that is about to be put, or was: enough to make its bytes again, and to know it when it is met. */
export interface Intent {
  readonly txid: TXID;
  /** It holds the transactions after `startSequence`, up to and including `endSequence`. */
  readonly startSequence: number;
  readonly endSequence: number;
  readonly fileChecksum: bigint;
  /** Bytes. */
  readonly size: number;
  readonly timestampMs: number;
  /** The header's NodeID. */
  readonly nodeID: bigint;
  /** Of the file before it; zero for the first. */
  readonly previous: { readonly fileChecksum: bigint; readonly timestampMs: number };
}

export interface IntentRecord extends Intent {
  readonly confirmed: boolean;
}

/** What a slot holds. `other`: another format version's. */
export type SlotResult =
  | { readonly kind: "ok"; readonly record: IntentRecord; readonly counter: number }
  | { readonly kind: "empty" | "other" };

export function encodeIntent(record: IntentRecord, counter: number): Uint8Array {
  const bytes = new Uint8Array(INTENT_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC_HIGH);
  view.setUint32(4, MAGIC_LOW);
  view.setUint32(8, INTENT_VERSION);
  view.setUint32(12, record.confirmed ? 2 : 1);
  writeSafe(view, 16, counter);
  view.setBigUint64(24, record.txid);
  writeSafe(view, 32, record.startSequence);
  writeSafe(view, 40, record.endSequence);
  view.setBigUint64(48, record.fileChecksum);
  writeSafe(view, 56, record.size);
  writeSafe(view, 64, record.timestampMs);
  view.setBigUint64(72, record.nodeID);
  view.setBigUint64(80, record.previous.fileChecksum);
  writeSafe(view, 88, record.previous.timestampMs);
  view.setBigUint64(CRC_AT, crc64(bytes.subarray(0, CRC_AT)));
  return bytes;
}

/** Never throws. A slot that was torn in the writing counts as empty: the other one holds what was true before. */
export function decodeIntent(bytes: Uint8Array): SlotResult {
  if (bytes.byteLength < INTENT_BYTES) return { kind: "empty" };
  const view = viewOf(bytes);
  if (view.getUint32(0) !== MAGIC_HIGH || view.getUint32(4) !== MAGIC_LOW) return { kind: "empty" };
  if (view.getUint32(8) !== INTENT_VERSION) return { kind: "other" };
  if (view.getBigUint64(CRC_AT) !== crc64(bytes.subarray(0, CRC_AT))) return { kind: "empty" };
  const [counter, startSequence, endSequence, size, timestampMs, previousMs] = [16, 32, 40, 56, 64, 88].map((at) => readSafe(view, at));
  const state = view.getUint32(12);
  if (counter === undefined || startSequence === undefined || endSequence === undefined || startSequence > endSequence)
    return { kind: "empty" };
  if (size === undefined || timestampMs === undefined || previousMs === undefined || (state !== 1 && state !== 2)) return { kind: "empty" };
  const record: IntentRecord = {
    txid: txid(view.getBigUint64(24)),
    startSequence,
    endSequence,
    fileChecksum: view.getBigUint64(48),
    size,
    timestampMs,
    nodeID: view.getBigUint64(72),
    previous: { fileChecksum: view.getBigUint64(80), timestampMs: previousMs },
    confirmed: state === 2,
  };
  return { kind: "ok", record, counter };
}
