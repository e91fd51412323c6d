import { HeadwaterError, open } from "headwater";
import { asyncLedger } from "./databases.js";
import { checkLedger } from "./ledger.js";

/** What a replica holds by itself. */
export interface ReplicaState {
  /** Newest transaction of the ledger; 0 when there is none. */
  readonly top: number;
  readonly txid: string;
}

/**
 * Opens a replica read-only, with nothing local, and compares all of it with the model.
 *
 * @throws {Violation} if it is not exactly the transactions 1 to `top`.
 */
export async function readReplica(url: string, seed: number): Promise<ReplicaState> {
  try {
    await using db = await open(url, { pollIntervalMs: 0 });
    const top = await checkLedger(asyncLedger(db), seed);
    return { top: Math.max(0, top), txid: db.status.txid };
  } catch (error) {
    if (HeadwaterError.is(error) && error.code === "NO_REPLICA") return { top: 0, txid: "" };
    throw error;
  }
}
