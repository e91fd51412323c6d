import type { MessagePort } from "node:worker_threads";
import { errorFromWire, errorToWire } from "@headwater/core";
import type { EngineEvents } from "@headwater/engine";
import type { S3Credentials as Credentials } from "@headwater/object-store/s3";
import { workerDied } from "./blocking-client.js";
import type { FromIo, Notices, Operation, Operations, ToIo } from "./protocol.js";

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly op: Operation;
}

/** The caller's end of a control port: requests as promises, events as they come. Keeps the process alive only while a call is under way. */
export class AsyncClient {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #dead = false;

  constructor(port: MessagePort, onEvent: (name: keyof EngineEvents, detail: unknown) => void, credentials?: () => Promise<Credentials>) {
    this.#port = port;
    port.on("message", (message: FromIo) => {
      if ("event" in message) onEvent(message.event, message.detail);
      else if ("credentialsWanted" in message) void this.#answerCredentials(message.credentialsWanted, credentials);
      else this.#settle(message);
    });
    // After `on`, which refs it.
    port.unref();
  }

  call<O extends Operation>(op: O, args: Operations[O]["args"]): Promise<Operations[O]["reply"]> {
    if (this.#dead) return Promise.reject(workerDied(op));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, op });
      this.#port.ref();
      this.#port.postMessage({ id, op, args } satisfies ToIo);
    });
  }

  /** Tells something that needs no answer. Does nothing once the I/O thread has ended. */
  tell<N extends keyof Notices>(notice: N, args: Notices[N]): boolean {
    if (this.#dead) return false;
    this.#port.postMessage({ notice, args } satisfies ToIo);
    return true;
  }

  /** The I/O thread has ended: everything under way fails. */
  died(): void {
    this.#dead = true;
    for (const { reject, op } of this.#pending.values()) reject(workerDied(op));
    this.#pending.clear();
    this.#port.unref();
  }

  close(): void {
    this.died();
    this.#port.close();
  }

  #settle(message: Extract<FromIo, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#port.unref();
    if ("error" in message) pending.reject(errorFromWire(message.error));
    else pending.resolve(message.value as never);
  }

  async #answerCredentials(id: number, credentials: (() => Promise<Credentials>) | undefined): Promise<void> {
    try {
      const value = await credentials?.();
      this.#port.postMessage({ notice: "credentials", args: { id, value } });
    } catch (error) {
      this.#port.postMessage({ notice: "credentials", args: { id, error: errorToWire(error) } });
    }
  }
}
