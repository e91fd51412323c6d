import { formatTXID } from "@headwater/core";
import type { HydrationReport } from "@headwater/engine";
import { REQUEST_KINDS, type SharedState } from "@headwater/engine/shared-state";
import type { Resolved } from "../options/resolve.js";
import type { Status } from "../types.js";

/** What is not in shared memory: strings that came with events, and the configuration. */
export interface StatusTexts {
  readonly url: string;
  readonly bufferPath?: string;
  readonly copyPath?: string;
  readonly diskPath?: string;
  lastError?: string;
  staleReason?: string;
  readonly setAside: string[];
}

/** The texts of a fresh handle's status. */
export function statusTexts({ url, config }: Pick<Resolved, "url" | "config">): StatusTexts {
  const { bufferDir: dir, bufferInMemory, hydration, diskCache } = config.engine;
  const bufferDir = bufferInMemory === true ? undefined : dir;
  return {
    url,
    setAside: [],
    ...(bufferDir === undefined ? {} : { bufferPath: bufferDir }),
    ...(hydration === undefined ? {} : { copyPath: hydration.path }),
    ...(diskCache === undefined ? {} : { diskPath: diskCache.path }),
  };
}

/** The status as plain data, from shared memory: no message, no waiting. */
export function statusOf(shared: SharedState, texts: StatusTexts, nowMs: number): Status {
  const since = (name: "unsyncedSinceMs" | "staleSinceMs"): number => {
    const at = shared.statistic(name);
    return at === 0 ? 0 : Math.max(0, nowMs - at);
  };
  const stale = shared.statistic("staleSinceMs") !== 0;
  return {
    url: texts.url,
    mode: shared.writeState,
    txid: formatTXID(shared.viewTxid),
    pageSize: shared.statistic("pageSize"),
    pageCount: shared.statistic("pageCount"),
    sync: {
      pendingTransactions: shared.statistic("pendingTransactions"),
      pendingBytes: shared.statistic("pendingBytes"),
      lagMs: since("unsyncedSinceMs"),
      durableTxid: formatTXID(shared.durableTxid),
      ...(texts.lastError === undefined ? {} : { lastError: texts.lastError }),
    },
    hydration: hydrationOf(shared, texts.copyPath),
    stale: stale ? { reason: texts.staleReason ?? "the replica can't be polled", sinceMs: since("staleSinceMs") } : null,
    buffer: {
      ...(texts.bufferPath === undefined ? {} : { path: texts.bufferPath }),
      bytes: shared.statistic("pendingBytes"),
      setAside: [...texts.setAside],
    },
    requests: Object.fromEntries(REQUEST_KINDS.map((kind) => [kind, shared.requests(kind)])) as Status["requests"],
    cache: cacheOf(shared, texts.diskPath),
  };
}

function cacheOf(shared: SharedState, path: string | undefined): Status["cache"] {
  const disk = { hits: shared.statistic("diskHits"), misses: shared.statistic("diskMisses"), bytes: shared.statistic("diskBytes") };
  return {
    hits: shared.statistic("cacheHits"),
    misses: shared.statistic("cacheMisses"),
    bytes: shared.statistic("cacheBytes"),
    ...(path === undefined ? {} : { disk: { path, ...disk } }),
  };
}

function hydrationOf(shared: SharedState, path: string | undefined): HydrationReport {
  const secondsLeft = shared.statistic("hydrationSecondsLeft");
  const state = shared.hydrationState;
  return {
    state,
    pages: shared.statistic("hydrationPages"),
    pageCount: shared.statistic("hydrationPageCount"),
    bytes: shared.statistic("hydrationBytes"),
    bytesPerSecond: shared.statistic("hydrationRate"),
    secondsLeft: state !== "off" && Number.isFinite(secondsLeft) ? secondsLeft : null,
    ...(path === undefined || state === "off" ? {} : { path }),
  };
}
