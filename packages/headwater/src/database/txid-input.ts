import { formatTXID, parseTXID, txid } from "@headwater/core";
import type { TXID } from "../types.js";

/** TXIDs go in as 16 hex digits or as a bigint. @throws {OptionError} `BAD_OPTION`. */
export function txidInput(value: TXID | bigint): bigint {
  return typeof value === "bigint" ? txid(value) : parseTXID(value);
}

/** TXIDs come out as 16 hex digits. */
export const txidOutput = (value: bigint): TXID => formatTXID(value);
