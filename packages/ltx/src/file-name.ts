import { formatTXID, OptionError, parseTXID, type TXID } from "@headwater/core";

/** `<minTXID>-<maxTXID>.ltx`, 16 lower-case hex digits each. */
export function formatLtxName(minTXID: TXID, maxTXID: TXID): string {
  return `${formatTXID(minTXID)}-${formatTXID(maxTXID)}.ltx`;
}

/** The inverse of {@link formatLtxName}; undefined for every other name, zero TXIDs and ranges in the wrong order included. */
export function parseLtxName(name: string): { readonly minTXID: TXID; readonly maxTXID: TXID } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/.exec(name);
  if (match === null) return undefined;
  const [minTXID, maxTXID] = [parseTXID(match[1] ?? ""), parseTXID(match[2] ?? "")];
  return minTXID >= 1n && minTXID <= maxTXID ? { minTXID, maxTXID } : undefined;
}

/** A point in a database's history, and the checksum of the database there (zero where it is not tracked). */
export interface Position {
  readonly txid: TXID;
  readonly postApplyChecksum: bigint;
}

/** `<TXID>/<checksum>`, 16 lower-case hex digits each. */
export function formatPosition(position: Position): string {
  return `${formatTXID(position.txid)}/${position.postApplyChecksum.toString(16).padStart(16, "0")}`;
}

/** The inverse of {@link formatPosition}. @throws {OptionError} `BAD_OPTION`. */
export function parsePosition(text: string): Position {
  const match = /^([0-9a-f]{16})\/([0-9a-f]{16})$/.exec(text);
  if (match === null)
    throw new OptionError("BAD_OPTION", `malformed position: ${JSON.stringify(text)}; expected 16 hex digits, "/", 16 hex digits`);
  return { txid: parseTXID(match[1] ?? ""), postApplyChecksum: BigInt(`0x${match[2]}`) };
}
