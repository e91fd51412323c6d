import { decodeHeader, HEADER_SIZE } from "@headwater/ltx";
import { type RangeReader, type ReplicaFile, sameFile, type View } from "@headwater/replica";

/** What of a view says which state it is. */
export type State = Pick<View, "txid" | "commit" | "pageSize" | "newest">;

/** How many files' headers are read for a proof. */
const HEADERS_MAX = 4;

/**
 * Whether a view that was planned anew shows the same state of the same database. A replica that was reset counts its
 * TXIDs from 1 again, so neither the TXID nor the size says so. What does: the same newest file; or its checksum; or the
 * timestamp of the state's last transaction, which a compacted file takes over from its last input. Snapshots may carry
 * the time of their making instead; then another listed file that ends there may prove it.
 */
export async function isSameState(seen: State, now: State, listed: readonly ReplicaFile[], reader: RangeReader): Promise<boolean> {
  if (now.txid !== seen.txid || now.commit !== seen.commit || now.pageSize !== seen.pageSize) return false;
  const [before, after] = [seen.newest, now.newest];
  if (before === undefined || after === undefined) return before === after;
  const { header, trailer, file } = before;
  if (sameFile(file, after.file) || trailer.fileChecksum === after.trailer.fileChecksum) return true;
  if (!header.noChecksum && !after.header.noChecksum) return trailer.postApplyChecksum === after.trailer.postApplyChecksum;
  if (header.timestampMs === after.header.timestampMs) return true;
  if (listed.some((other) => sameFile(other, file))) return true;
  const endingThere = listed.filter((other) => other.maxTXID === seen.txid && !sameFile(other, after.file));
  for (const other of endingThere.slice(0, HEADERS_MAX)) {
    if (decodeHeader(await reader.read(other, 0, HEADER_SIZE)).timestampMs === header.timestampMs) return true;
  }
  return false;
}
