import { createHash } from "node:crypto";
import type { Timers } from "@headwater/core";

/** About 1 ms of work. */
const SLICE_BYTES = 512 * 1024;

/**
 * The SHA-256 that a signature covers, in hex, made in slices: for 64 MB the SDK would hold the thread for more than 100 ms.
 * Nothing for small bodies, which the SDK may hash itself.
 */
export async function payloadHash(body: Uint8Array, timers: Timers): Promise<string | undefined> {
  if (body.byteLength <= SLICE_BYTES) return undefined;
  const hash = createHash("sha256");
  for (let at = 0; at < body.byteLength; at += SLICE_BYTES) {
    hash.update(body.subarray(at, at + SLICE_BYTES));
    await timers.turn();
  }
  return hash.digest("hex");
}
