import { expect } from "vitest";
import { Peer } from "../../src/peer.js";
import { SqlProcess } from "../../src/sql-process.js";
import { contentOf, integrityOf } from "./content.js";

/**
 * Opened and hydrated in the peer, a replica must be what the model is.
 *
 * @param txid - What the peer must be at; 16 hex digits.
 */
export async function expectPeerToAgree(url: string, model: SqlProcess, txid?: string): Promise<void> {
  const expected = await contentOf(model);
  const peer = await Peer.open({ url, hydrate: true });
  try {
    expect(await integrityOf(peer)).toEqual(["ok"]);
    expect(await contentOf(peer)).toEqual(expected);
    if (txid !== undefined) expect((await peer.query("pragma litestream_txid")).flat()).toEqual([txid]);
    await peer.hydrated();
    const hydrated = await SqlProcess.open({ database: peer.hydratedFile });
    expect(await integrityOf(hydrated)).toEqual(["ok"]);
    expect(await contentOf(hydrated)).toEqual(expected);
    await hydrated.close();
  } finally {
    await peer.close();
  }
}
