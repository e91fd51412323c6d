import { parentPort, workerData } from "node:worker_threads";
import { errorToWire } from "@headwater/core";
import { BlockingClient } from "./channel/blocking-client.js";
import { finishOpening } from "./sql/opening.js";
import type { FromSql, SqlWorkerData, ToSql } from "./sql/protocol.js";
import { SqlHost } from "./sql/sql-host.js";
import { SqliteRuntime } from "./sqlite/index.js";

// The SQLite thread of one database opened with open().
const { channel, signal, config } = workerData as SqlWorkerData;
const client = new BlockingClient(channel, signal);

function post(message: FromSql): void {
  parentPort?.postMessage(message);
}

// The first LIST goes out before SQLite is even loaded.
const opening = client.begin("open", { engine: config.engine, store: config.store });

SqliteRuntime.load().then(
  (runtime) => start(runtime),
  (error: unknown) => post({ openFailed: errorToWire(error) }),
);

function start(runtime: SqliteRuntime): void {
  let host: SqlHost;
  try {
    const opened = finishOpening(runtime, client, opening, config);
    host = new SqlHost(opened, client, config);
    post({ opened: opened.session.shared.buffer });
  } catch (error) {
    post({ openFailed: errorToWire(error) });
    return;
  }
  parentPort?.on("message", ({ id, op, args }: ToSql) => {
    const before = host.sequence;
    const committed = (): { committed?: number } => (host.sequence === before ? {} : { committed: host.sequence });
    try {
      const value = host.perform(op, args);
      post({ id, value, ...committed() });
    } catch (error) {
      post({ id, error: errorToWire(error), ...committed() });
    }
    if (op === "close") parentPort?.close();
  });
}
