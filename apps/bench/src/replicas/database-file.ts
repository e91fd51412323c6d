import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { decodeLtx } from "@headwater/ltx";

/**
 * Writes the database that a replica's files hold as a plain SQLite file: the newest version of each page.
 *
 * @param objects - Folder with one folder a level.
 * @returns The size of the database in pages.
 */
export function writeDatabaseFile(objects: string, file: string): number {
  const files = readdirSync(objects, { recursive: true }).map(String);
  const byTxid = files.filter((name) => name.endsWith(".ltx")).sort((a, b) => (path.basename(a) < path.basename(b) ? -1 : 1));
  const handle = openSync(file, "w");
  let commit = 0;
  try {
    for (const name of byTxid) {
      const ltx = decodeLtx(readFileSync(path.join(objects, name)));
      const { pageSize } = ltx.header;
      commit = ltx.header.commit;
      for (const { pgno, data } of ltx.pages()) writeSync(handle, data, 0, pageSize, (pgno - 1) * pageSize);
      ftruncateSync(handle, commit * pageSize);
    }
  } finally {
    closeSync(handle);
  }
  return commit;
}
