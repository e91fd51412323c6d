import { HeadwaterError } from "@headwater/core";
import { viewOf } from "./bytes.js";
import type { Overlay } from "./overlay.js";

const CHANGE_COUNTER_AT = 24;
const SIZE_AT = 28;
const VERSION_VALID_FOR_AT = 92;
const PAGE_SIZE_AT = 16;
/** "SQLite format 3" and its final zero, as four numbers. */
const SQLITE_MAGIC = [0x53514c69, 0x74652066, 0x6f726d61, 0x74203300];

/**
 * The database size, in pages, that a transaction commits: what page 1 says where it vouches for that number (it
 * already holds the size after a truncation that comes later), else the size of the file.
 *
 * @throws `SQLITE_CORRUPT` when page 1 claims pages that the file does not reach, or another page size.
 * @see SQLite file format, "In-header database size"
 */
export function commitSize(overlay: Overlay, pageSize: number): number {
  const pageOne = overlay.pageOne;
  if (pageOne === undefined || overlay.sizePages === 0) return overlay.sizePages;
  const view = viewOf(pageOne);
  if (!SQLITE_MAGIC.every((word, i) => view.getUint32(i * 4) === word)) return overlay.sizePages;
  checkPageSize(view, pageSize);
  const stated = view.getUint32(SIZE_AT);
  if (stated === 0 || view.getUint32(CHANGE_COUNTER_AT) !== view.getUint32(VERSION_VALID_FOR_AT)) return overlay.sizePages;
  // SQLite extends the file before FCNTL_SYNC, so a larger number was written by hand.
  if (stated <= overlay.sizePages) return stated;
  throw new HeadwaterError(
    "SQLITE_CORRUPT",
    `page 1 claims more pages than the database has; nothing was committed claimed=${stated} pages=${overlay.sizePages}`,
  );
}

function checkPageSize(view: DataView, pageSize: number): void {
  const stated = view.getUint16(PAGE_SIZE_AT);
  const bytes = stated === 1 ? 65_536 : stated;
  if (bytes === pageSize) return;
  throw new HeadwaterError(
    "BAD_OPTION",
    `the page size of an existing database can't be changed: it was rolled back; restore into a new database to change it pageSize=${pageSize} asked=${bytes}`,
  );
}
