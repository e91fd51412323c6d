import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { errorFromWire, HeadwaterError } from "@headwater/core";
import { systemRuntime } from "@headwater/core/node/runtime";
import { type FromIo, type Notices, OPEN_ID, type Operation, type Operations, SIGNAL_DEAD, SIGNAL_REPLIES, type ToIo } from "./protocol.js";

const { monotonicMs } = systemRuntime.clock;

/** How long a call waits beyond the engine's own deadline before it gives the I/O thread up. */
const GRACE_MS: number = 10_000;

/**
 * The SQLite thread's end of a channel. A request goes as a message, which keeps the worker's loop alive and ordered;
 * the thread then sleeps in `Atomics.wait` until the reply is there. It never polls and never spins.
 */
export class BlockingClient {
  readonly #port: MessagePort;
  readonly #signal: Int32Array;
  readonly #graceMs: number;
  #lastId = OPEN_ID;

  /** @param graceMs - How long a call waits beyond the engine's own deadline, in milliseconds. */
  constructor(port: MessagePort, signal: SharedArrayBuffer, graceMs: number = GRACE_MS) {
    this.#port = port;
    this.#graceMs = graceMs;
    this.#signal = new Int32Array(signal);
    port.unref();
  }

  /** Tells something that needs no answer. */
  tell<N extends keyof Notices>(notice: N, args: Notices[N]): void {
    this.#post({ notice, args });
  }

  /** The request to open, which went out before this client was made. */
  readonly opening: { readonly id: number; readonly op: "open" } = { id: OPEN_ID, op: "open" };

  /** Whether any reply has come so far. */
  get isAnswered(): boolean {
    return Atomics.load(this.#signal, SIGNAL_REPLIES) !== 0;
  }

  /** Sends a request whose reply is taken later with {@link wait}, so that other work can go on meanwhile. */
  begin<O extends Operation>(op: O, args: Operations[O]["args"]): { readonly id: number; readonly op: O } {
    this.#lastId += 1;
    this.#post({ id: this.#lastId, op, args });
    return { id: this.#lastId, op };
  }

  /**
   * Blocks until the reply is there.
   *
   * @throws {HeadwaterError} what the operation failed with; `WORKER_DIED` when the I/O thread has ended; `TIMEOUT` when
   *   it answers nothing within `deadlineMs` and some grace.
   */
  wait<O extends Operation>(call: { readonly id: number; readonly op: O }, deadlineMs: number): Operations[O]["reply"] {
    const endMs = monotonicMs() + deadlineMs + this.#graceMs;
    for (;;) {
      // Read the count before looking, so that a reply in between makes the wait return at once.
      const seen = Atomics.load(this.#signal, SIGNAL_REPLIES);
      for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
        const message = got.message as FromIo;
        // An older number is the late reply of a call that was given up.
        if (!("id" in message) || message.id !== call.id) continue;
        if ("error" in message) throw errorFromWire(message.error);
        return message.value as Operations[O]["reply"];
      }
      if (Atomics.load(this.#signal, SIGNAL_DEAD) !== 0) throw workerDied(call.op);
      const leftMs = endMs - monotonicMs();
      if (leftMs <= 0)
        throw new HeadwaterError("TIMEOUT", `the I/O thread did not answer; operation=${call.op}, waitedMs=${deadlineMs + this.#graceMs}`);
      Atomics.wait(this.#signal, SIGNAL_REPLIES, seen, leftMs);
    }
  }

  call<O extends Operation>(op: O, args: Operations[O]["args"], deadlineMs: number): Operations[O]["reply"] {
    return this.wait(this.begin(op, args), deadlineMs);
  }

  close(): void {
    this.#port.close();
  }

  #post(message: ToIo): void {
    this.#port.postMessage(message);
  }
}

/** The error of every call after the I/O thread's end. */
export function workerDied(operation: string): HeadwaterError {
  return new HeadwaterError(
    "WORKER_DIED",
    `the I/O thread has ended; close this database and open it again (commits are in the buffer); operation=${operation}`,
  );
}
