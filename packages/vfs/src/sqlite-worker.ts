import { parentPort, workerData } from "node:worker_threads";
import { errorToWire } from "@headwater/core";
import { BlockingClient } from "./channel/blocking-client.js";
import { finishOpening } from "./sql/opening.js";
import type { FromSql, SqliteModuleReady, SqlWorkerData, ToSql } from "./sql/protocol.js";
import { SqlHost } from "./sql/sql-host.js";
import { SqliteRuntime, warmUp } from "./sqlite/index.js";

// The SQLite thread of one database opened with open().
const { channel, signal, files, config } = workerData as SqlWorkerData;
const client = new BlockingClient(channel, signal);

function post(message: FromSql): void {
  parentPort?.postMessage(message);
}

// SQLite comes compiled from the thread that started this one, which compiles it once for all its databases.
parentPort?.once("message", ({ module }: SqliteModuleReady) => {
  SqliteRuntime.load({ module }).then(
    (runtime) => {
      if (!client.isAnswered) warmUp(runtime);
      start(runtime);
    },
    (error: unknown) => post({ openFailed: errorToWire(error) }),
  );
});

function start(runtime: SqliteRuntime): void {
  let host: SqlHost;
  try {
    const opened = finishOpening(runtime, client, config, files);
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
