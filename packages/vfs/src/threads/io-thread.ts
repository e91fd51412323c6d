import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { type NewDatabase, type Operations, SIGNAL_BYTES } from "../channel/protocol.js";

/** The caller's ends of a new database: a channel for the SQLite thread, a control port for the caller. */
export interface DatabasePorts {
  readonly channel: MessagePort;
  readonly control: MessagePort;
  readonly signal: SharedArrayBuffer;
  /** The writing end of a commit log in memory, where the database has one. */
  readonly files: MessagePort | undefined;
  /** Calls back if the I/O thread ends while the database is open. */
  onDeath(listener: () => void): void;
}

interface IoThread {
  readonly worker: Worker;
  readonly deaths: Set<() => void>;
}

let shared: IoThread | undefined;

/**
 * Hands a new database to the I/O thread of this JavaScript thread, which starts with the first one and is shared by all.
 * It begins to open it at once, while the SQLite thread is still being started: the reply waits in the channel.
 */
export function newDatabase(open: Operations["open"]["args"]): DatabasePorts {
  shared ??= startIoThread();
  const { worker, deaths } = shared;
  const channel = new MessageChannel();
  const control = new MessageChannel();
  const signal = new SharedArrayBuffer(SIGNAL_BYTES);
  const files = open.engine.write && open.engine.bufferInMemory === true ? new MessageChannel() : undefined;
  const ports: NewDatabase = {
    channel: channel.port2,
    control: control.port2,
    signal,
    open: files === undefined ? open : { ...open, files: files.port2 },
  };
  worker.postMessage(ports, [channel.port2, control.port2, ...(files === undefined ? [] : [files.port2])]);
  return { channel: channel.port1, control: control.port1, signal, files: files?.port1, onDeath: (listener) => deaths.add(listener) };
}

function startIoThread(): IoThread {
  const worker = new Worker(new URL("./io-worker.cjs", import.meta.url), {
    // A flag of the parent's can stop a worker from starting at all, without a word.
    execArgv: [],
    name: "headwater-io",
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  });
  worker.unref();
  const thread: IoThread = { worker, deaths: new Set() };
  const ended = (): void => {
    if (shared === thread) shared = undefined;
    for (const listener of thread.deaths) listener();
    thread.deaths.clear();
  };
  worker.on("error", ended);
  worker.on("exit", ended);
  return thread;
}
