import type { MessagePort } from "node:worker_threads";
import { HeadwaterError } from "@headwater/core";
import { nodeFileSystem, systemRuntime } from "@headwater/core/node";
import type { BlockingClient } from "../channel/blocking-client.js";
import type { DatabaseConfig } from "../config.js";
import { MemoryFilesWriter } from "../memory/memory-files-writer.js";
import { Session } from "../session/session.js";
import type { Connection, SqliteRuntime } from "../sqlite/index.js";

/** Opening may take several waits for the store, each with its own deadline; this only bounds a thread that is stuck. */
const OPEN_WAITS = 20;

/** One connection on the SQLite thread, with what has to be ended with it. */
export interface Opening {
  readonly session: Session;
  readonly connection: Connection;
}

/**
 * The SQLite thread's half of opening: waits for the engine, which was told to open while SQLite was still being loaded,
 * and connects.
 *
 * @param files - The writing end of a commit log in memory.
 */
export function finishOpening(runtime: SqliteRuntime, client: BlockingClient, config: DatabaseConfig, files?: MessagePort): Opening {
  const opened = client.wait(client.opening, config.engine.remoteTimeoutMs * OPEN_WAITS);
  const logFs = files === undefined ? nodeFileSystem : new MemoryFilesWriter(files);
  let session: Session | undefined;
  try {
    session = new Session({
      client,
      opened,
      fs: nodeFileSystem,
      logFs,
      random: systemRuntime.random,
      cacheBytes: config.cacheBytes,
      remoteTimeoutMs: config.engine.remoteTimeoutMs,
      clock: systemRuntime.clock,
      bufferBytesMax: config.bufferBytesMax,
    });
    const connection = runtime.open("main.db", session, {
      readonly: !config.engine.write,
      pageSize: opened.pageSize,
      busyTimeoutMs: config.busyTimeoutMs,
    });
    return { session, connection };
  } catch (error) {
    session?.end();
    abandon(client, config);
    throw error;
  }
}

/** Lets an engine go that nobody will use. */
export function abandon(client: BlockingClient, config: DatabaseConfig): void {
  try {
    client.call("close", undefined, config.engine.remoteTimeoutMs);
  } catch {
    // The reason for abandoning it is what the caller gets to see.
  }
  client.call("release", undefined, config.engine.remoteTimeoutMs);
}

/**
 * Ends a connection in the order that loses nothing: SQLite first, then the last sync, then the buffer, then the claim
 * on it.
 *
 * @throws what the last sync met. Everything is closed then too, and the buffer kept.
 */
export function finishClosing(opening: Opening, client: BlockingClient, config: DatabaseConfig): void {
  opening.connection.close();
  try {
    client.call("close", undefined, config.engine.remoteTimeoutMs * OPEN_WAITS);
  } catch (error) {
    throw config.bufferTarget === "memory" ? lostWithMemory(error, opening.session) : error;
  } finally {
    opening.session.end();
    client.call("release", undefined, config.engine.remoteTimeoutMs);
    client.close();
  }
}

/** What is in memory only ends with the database, whatever the last sync met says of a buffer. */
function lostWithMemory(cause: unknown, session: Session): unknown {
  const transactions = session.shared.statistic("pendingTransactions");
  if (transactions === 0) return cause;
  const message = `the last sync failed, and the write buffer was in memory: its commits are lost; transactions=${transactions}`;
  return new HeadwaterError("NOT_DURABLE", message, { cause, retryable: false });
}
