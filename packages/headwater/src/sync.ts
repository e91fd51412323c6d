import type { EngineEvents } from "@headwater/engine";
import { AsyncClient, BlockingClient, finishOpening, newDatabase, SqliteRuntime } from "@headwater/vfs";
import { EventHub } from "./database/events.js";
import { startSyncOnExit } from "./database/on-exit.js";
import { statusTexts } from "./database/status.js";
import { SyncDatabase } from "./database/sync-database.js";
import { resolveOptions } from "./options/resolve.js";
import type { Options } from "./types.js";

export type { ErrorCode } from "@headwater/core";
export { FencedError, HeadwaterError, SqliteError } from "@headwater/core";
export { SyncDatabase } from "./database/sync-database.js";
export { SyncStatement } from "./database/sync-statement.js";
export type {
  Credentials,
  Events,
  HydrationOptions,
  Logger,
  Options,
  Params,
  Row,
  RunResult,
  SqlValue,
  Status,
  TXID,
} from "./types.js";

// sqlite-wasm can only be initialised asynchronously, hence a top-level await, and a module of its own.
const runtime = await SqliteRuntime.load();

/**
 * Opens a database in the caller's thread, which waits for the store where it must. Takes no functions as options.
 *
 * @throws {HeadwaterError} as `open()` rejects.
 */
export function openSync(url: string | URL, options: Options = {}): SyncDatabase {
  const resolved = resolveOptions(url, options, true);
  const { config } = resolved;
  const ports = newDatabase({ engine: config.engine, store: config.store });
  const texts = statusTexts(resolved);
  const hub = new EventHub(texts, options.logger);
  const client = new BlockingClient(ports.channel, ports.signal);
  let database: SyncDatabase | undefined;
  const control = new AsyncClient(ports.control, (name: keyof EngineEvents, detail: unknown) => {
    if (name === "ownSync") database?.poke();
    hub.receive(name, detail);
  });
  ports.onDeath(() => control.died());
  try {
    const opening = finishOpening(runtime, client, config, ports.files);
    database = new SyncDatabase({ opening, client, control, config, hub, texts, stopSyncOnExit: startSyncOnExit(resolved, control) });
    void hub.release();
    return database;
  } catch (error) {
    control.close();
    throw error;
  }
}
