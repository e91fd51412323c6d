import { lockPgno, type Pace, type Pgno, type TXID } from "@headwater/core";
import { type EncodedLtx, HEADER_SIZE, LtxEncoder } from "@headwater/ltx";
import type { LogReader } from "../log-reader.js";
import type { Batch } from "./batch.js";
import { sortedPgnos } from "./sorted-pgnos.js";

export interface FileIdentity {
  readonly txid: TXID;
  readonly pageSize: number;
  readonly timestampMs: number;
  readonly nodeID: bigint;
}

/**
 * The level-0 file of a batch: its pages in order, and pages of zeros for those in `(minSizePages, commit]` that SQLite
 * never wrote, so that the file has no holes. The first file of a replica holds every page. The same batch and identity
 * give the same bytes.
 *
 * @throws `SQLITE_IOERR_READ` when the log can't be read.
 */
export async function encodeBatch(reader: LogReader, batch: Batch, identity: FileIdentity, pace: Pace): Promise<EncodedLtx> {
  const { txid, pageSize, timestampMs, nodeID } = identity;
  const { commit, pages } = batch;
  const lock = lockPgno(pageSize);
  const fullFrom = txid === 1n ? 0 : Math.min(batch.minSizePages, commit);
  const below = await sortedPgnos(pages.keys(), (pgno) => pgno <= fullFrom && pgno !== lock, pace);
  const estimate = HEADER_SIZE + (below.length + commit - fullFrom) * (pageSize / 2);
  const header = { noChecksum: true, pageSize, commit, minTXID: txid, maxTXID: txid, timestampMs, nodeID };
  const encoder = new LtxEncoder(header, { sizeHintBytes: Math.min(estimate, SIZE_HINT_MAX) });
  const page = new Uint8Array(pageSize);
  const add = async (pgno: number): Promise<void> => {
    const address = pages.get(pgno);
    if (address === undefined) page.fill(0);
    else reader.readPage(address, page);
    encoder.addPage(pgno as Pgno, page);
    if (pace.spent(pageSize)) await pace.turn();
  };
  for (const pgno of below) await add(pgno);
  for (let pgno = fullFrom + 1; pgno <= commit; pgno += 1) if (pgno !== lock) await add(pgno);
  const finish = encoder.finishSteps();
  for (;;) {
    const step = finish.next();
    if (step.done === true) return step.value;
    await pace.turn();
  }
}

/** A hint that is wrong should cost little. */
const SIZE_HINT_MAX = 64 * 1024 * 1024;
