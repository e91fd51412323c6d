import { Worker } from "node:worker_threads";
import { errorFromWire, HeadwaterError } from "@headwater/core";
import { SharedState } from "@headwater/engine/shared-state";
import type { DatabaseConfig } from "../config.js";
import type { FromSql, SqliteModuleReady, SqlOperation, SqlOperations, SqlWorkerData, ToSql } from "../sql/protocol.js";
import { compileSqlite } from "../sqlite/module.js";
import type { DatabasePorts } from "./io-thread.js";

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly onCommit: ((sequence: number) => void) | undefined;
}

/** The caller's side of a SQLite worker: statements as promises, in the order in which they were sent. */
export class SqlThread {
  readonly shared: SharedState;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #death: HeadwaterError | undefined;

  private constructor(worker: Worker, shared: SharedState) {
    this.#worker = worker;
    this.shared = shared;
    worker.on("message", (message: FromSql) => this.#settle(message));
    worker.on("error", (error) => this.#died(error));
    worker.on("exit", () => this.#died());
    worker.unref();
  }

  /** Starts the worker and opens the database in it. Rejects with what opening met. */
  static open(ports: DatabasePorts, config: DatabaseConfig, signal?: AbortSignal): Promise<SqlThread> {
    const { channel, signal: replies, files } = ports;
    const workerData: SqlWorkerData = { channel, signal: replies, config, ...(files === undefined ? {} : { files }) };
    const worker = new Worker(new URL("./sqlite-worker.cjs", import.meta.url), {
      workerData,
      transferList: [channel, ...(files === undefined ? [] : [files])],
      execArgv: [],
      name: "headwater-sqlite",
    });
    return new Promise<SqlThread>((resolve, reject) => {
      const stopListening = (): void => {
        signal?.removeEventListener("abort", onAbort);
        worker.off("error", onError).off("exit", onExit).off("message", onMessage);
      };
      const fail = (error: Error): void => {
        stopListening();
        // Its last words, if any, have been heard.
        worker.on("error", () => undefined);
        void worker.terminate();
        reject(error);
      };
      const onAbort = (): void => fail(new HeadwaterError("ABORTED", `opening was aborted; url=${config.engine.url}`));
      const onError = (cause: Error): void => fail(new HeadwaterError("WORKER_DIED", "the SQLite thread failed to start", { cause }));
      const onExit = (): void => fail(new HeadwaterError("WORKER_DIED", "the SQLite thread ended while opening"));
      const onMessage = (message: FromSql): void => {
        if ("openFailed" in message) fail(errorFromWire(message.openFailed));
        if (!("opened" in message)) return;
        stopListening();
        resolve(new SqlThread(worker, new SharedState(message.opened)));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      worker.on("error", onError).on("exit", onExit).on("message", onMessage);
      compileSqlite().then(
        (module) => worker.postMessage({ module } satisfies SqliteModuleReady),
        (cause: unknown) => fail(new HeadwaterError("WORKER_DIED", "SQLite could not be compiled", { cause })),
      );
    });
  }

  /** @param onCommit - Called before the call settles if it committed, with the number of its last commit. */
  call<O extends SqlOperation>(
    op: O,
    args: SqlOperations[O]["args"],
    onCommit?: (sequence: number) => void,
  ): Promise<SqlOperations[O]["reply"]> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onCommit });
      // Only a call under way keeps the process alive.
      this.#worker.ref();
      this.#worker.postMessage({ id, op, args } satisfies ToSql);
    });
  }

  #settle(message: FromSql): void {
    if (!("id" in message)) return;
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (message.committed !== undefined) pending.onCommit?.(message.committed);
    if ("error" in message) pending.reject(errorFromWire(message.error));
    else pending.resolve(message.value as never);
  }

  #died(cause?: Error): void {
    this.#death ??= new HeadwaterError("WORKER_DIED", "the SQLite thread has ended; open the database again (commits are in the buffer)", {
      cause,
    });
    for (const { reject } of this.#pending.values()) reject(this.#death);
    this.#pending.clear();
  }
}
