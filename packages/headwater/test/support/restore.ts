import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { lockPgno } from "@headwater/core";
import { decodeLtx, parseLtxName } from "@headwater/ltx";

/** What the level-0 files of a replica say, applied one by one in order. Independent of the code under test but for the codec. */
export interface Restored {
  /** The newest TXID; 0 for none. */
  readonly txid: bigint;
  /** The database file. */
  readonly bytes: Uint8Array;
  readonly pageSize: number;
}

/**
 * Applies a file replica's level-0 files from the first to the last and checks what every file must hold on the way:
 * contiguous TXIDs, and no holes (every page between the smallest size it can vouch for and its commit).
 */
export function restoreLevelZero(replicaDir: string): Restored {
  const folder = path.join(replicaDir, "ltx", "0");
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const pages = new Map<number, Uint8Array>();
  let [txid, commit, pageSize] = [0n, 0, 0];
  for (const name of names) {
    const parsed = parseLtxName(name);
    if (parsed === undefined) throw new Error(`not an LTX file: ${name}`);
    const file = decodeLtx(readFileSync(path.join(folder, name)));
    if (parsed.minTXID !== txid + 1n || file.header.minTXID !== parsed.minTXID) throw new Error(`a gap before ${name}`);
    const present = new Set<number>();
    for (const { pgno, data } of file.pages()) {
      present.add(pgno);
      pages.set(pgno, data.slice());
    }
    pageSize = file.header.pageSize;
    checkNoHoles(name, present, commit, file.header.commit, pageSize);
    commit = file.header.commit;
    for (const pgno of [...pages.keys()]) if (pgno > commit) pages.delete(pgno);
    txid = parsed.maxTXID;
  }
  const bytes = new Uint8Array(commit * pageSize);
  for (const [pgno, data] of pages) bytes.set(data, (pgno - 1) * pageSize);
  return { txid, bytes, pageSize };
}

/** A page that grew into the database must be in the file that made it grow. */
function checkNoHoles(name: string, present: ReadonlySet<number>, before: number, commit: number, pageSize: number): void {
  for (let pgno = before + 1; pgno <= commit; pgno += 1) {
    if (!present.has(pgno) && pgno !== lockPgno(pageSize))
      throw new Error(`${name} has a hole at page ${pgno} (from ${before} to ${commit} pages)`);
  }
  for (const pgno of present) if (pgno > commit) throw new Error(`${name} holds page ${pgno} above its commit ${commit}`);
}
