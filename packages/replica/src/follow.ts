import type { TXID } from "@headwater/core";
import type { CallOptions, ListPage, ObjectStore } from "@headwater/object-store";
import type { Layout } from "./layout.js";
import { Collector, type Listing, listAll, MAX_TXID } from "./listing.js";

export interface ListNewerOptions extends CallOptions {
  /** The state that is at hand. */
  readonly after: TXID;
  /** Where the newest level-1 file that is known ends; 0 if none is. */
  readonly level1After?: TXID;
}

/**
 * A follower's poll: the files of levels 0 and 1 that are new since `after`, with two requests at a time. Both are
 * needed: a TXID that level 1 covers is read from there.
 *
 * Where {@link planForward} finds a gap in them, {@link listReplica} has the rest. Nothing is reported as ignored: too
 * little is seen for that.
 */
export async function listNewer(store: ObjectStore, layout: Layout, options: ListNewerOptions): Promise<Listing> {
  const { after, level1After = 0n as TXID, signal } = options;
  const list = (level: number, behind: TXID): Promise<ListPage[]> =>
    listAll(store, layout.levelPrefix(level), {
      ...(behind === 0n ? {} : { startAfter: layout.key(level, behind, MAX_TXID) }),
      ...(signal === undefined ? {} : { signal }),
    });
  const seen = new Collector(layout);
  for (const pages of await Promise.all([list(0, after), list(1, level1After)])) for (const page of pages) seen.add(page);
  return { ...seen.listing(), ignored: [] };
}
