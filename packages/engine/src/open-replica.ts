import { HeadwaterError } from "@headwater/core";
import { type Layout, listReplica, openView, planRestore, type RangeReader, View } from "@headwater/replica";
import type { EngineConfig, EnginePorts } from "./config.js";

/** The newest view of a replica, with the pages that came along. */
export interface OpenedReplica {
  readonly view: View;
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

/**
 * Lists, plans and opens the newest state.
 *
 * @throws {HeadwaterError} `NO_REPLICA` when there is none and it may not be made; `BAD_OPTION` when the page size that
 *   was asked for is not the database's.
 */
export async function openReplica(
  config: EngineConfig,
  { store, runtime }: Pick<EnginePorts, "store" | "runtime">,
  layout: Layout,
  reader: RangeReader,
): Promise<OpenedReplica> {
  const listing = await listReplica(store, layout);
  const plan = planRestore(listing.files);
  if (plan === undefined) {
    if (!config.create) {
      const way = config.write ? "create: true makes a new database" : "open it with write: true to make one, or check the URL";
      throw new HeadwaterError("NO_REPLICA", `no replica found; ${way}; url=${config.url}`);
    }
    return { view: View.empty(config.pageSize), pages: new Map() };
  }
  const opened = await openView(store, layout, plan, { reader, runtime });
  if (config.pageSizeRequired && opened.view.pageSize !== config.pageSize) {
    throw new HeadwaterError(
      "BAD_OPTION",
      `pageSize applies to new databases only, and this one has another; leave the option out; pageSize=${opened.view.pageSize}, asked=${config.pageSize}, url=${config.url}`,
    );
  }
  return opened;
}
