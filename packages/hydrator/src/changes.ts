import type { Runtime } from "@headwater/core";
import { sameFile, type View } from "@headwater/replica";
import { slicesOf } from "./pace.js";

/** What changed from one view to another. */
export interface Changes {
  /** The pages that may differ, up to the larger of both sizes, ascending. */
  readonly pgnos: Uint32Array;
  /** False when the newer view does not come from the older one: then other files may hold what did not change. */
  readonly related: boolean;
}

/**
 * Asks the newer view, and compares page by page where it does not know.
 *
 * @param olders - Views of one state: the newer one may come from any of them. The first is the one to compare with.
 */
export async function changesBetween(olders: readonly [View, ...View[]], newer: View, runtime: Runtime): Promise<Changes> {
  for (const older of olders) {
    const known = newer.changedSince(older);
    if (known !== "all") return { pgnos: known, related: true };
  }
  const [older] = olders;
  const slices = slicesOf(runtime);
  const top = Math.max(older.commit, newer.commit);
  const bottom = Math.min(older.commit, newer.commit);
  const pgnos: number[] = [];
  for (let pgno = 1; pgno <= top; pgno += 1) {
    if (pgno > bottom || !isSameFrame(older, newer, pgno)) pgnos.push(pgno);
    if (slices.spent(1)) await slices.turn();
  }
  return { pgnos: Uint32Array.from(pgnos), related: false };
}

/** True when both views read a page from the same frame, or as zeros. */
function isSameFrame(older: View, newer: View, pgno: number): boolean {
  // Where a page index is read in parts, what is not at hand may have changed.
  if (!older.knows(pgno) || !newer.knows(pgno)) return false;
  const [a, b] = [older.lookup(pgno), newer.lookup(pgno)];
  if (a === undefined || b === undefined) return a === b;
  return a.offset === b.offset && sameFile(a.file, b.file);
}
