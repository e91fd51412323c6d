import type { MessagePort } from "node:worker_threads";
import { errorFromWire, errorToWire, FencedError, HeadwaterError, txid, type WireError } from "@headwater/core";
import { nodeFileSystem, nodePathLocks, systemRuntime } from "@headwater/core/node";
import { Engine, type EngineEvents, SharedState } from "@headwater/engine";
import type { S3Credentials as Credentials } from "@headwater/object-store/s3";
import { ExitGate } from "../channel/exit-gate.js";
import {
  type FromIo,
  type NewDatabase,
  type Notices,
  OPEN_ID,
  type Operation,
  type Operations,
  SIGNAL_DEAD,
  SIGNAL_REPLIES,
  type ToIo,
} from "../channel/protocol.js";
import { MemoryFilesReader } from "../memory/memory-files-reader.js";
import { makeStore } from "./make-store.js";

/** One database on the I/O thread: takes requests from the SQLite thread's channel and the caller's control port. */
export class DatabaseHost {
  readonly #channel: MessagePort;
  readonly #control: MessagePort;
  readonly #signal: Int32Array;
  readonly #onClosed: () => void;
  #engine: Promise<Engine> | undefined;
  #fence: WireError | undefined;
  #ended = false;
  #nextCredentialsId = 1;
  readonly #credentials = new Map<number, (answer: Notices["credentials"]) => void>();

  constructor({ channel, control, signal, open }: NewDatabase, onClosed: () => void) {
    this.#channel = channel;
    this.#control = control;
    this.#signal = new Int32Array(signal);
    this.#onClosed = onClosed;
    // The SQLite thread is gone, or opening was given up: what it committed is still synced, then everything is let go.
    channel.on("close", () => void this.#abandon());
    channel.on("message", (message: ToIo) => this.#receive(message, (reply) => this.#answerChannel(reply)));
    control.on("message", (message: ToIo) => this.#receive(message, (reply) => control.postMessage(reply)));
    this.#receive({ id: OPEN_ID, op: "open", args: open }, (reply) => this.#answerChannel(reply));
  }

  /** The thread ends: wakes whoever waits for it. */
  died(): void {
    Atomics.store(this.#signal, SIGNAL_DEAD, 1);
    Atomics.notify(this.#signal, SIGNAL_REPLIES);
  }

  #answerChannel(reply: FromIo): void {
    this.#channel.postMessage(reply);
    Atomics.add(this.#signal, SIGNAL_REPLIES, 1);
    Atomics.notify(this.#signal, SIGNAL_REPLIES);
  }

  #receive(message: ToIo, answer: (reply: FromIo) => void): void {
    if ("notice" in message) {
      void this.#notice(message.notice, message.args);
      return;
    }
    const { id, op, args } = message;
    this.#perform(op, args).then(
      (value) => answer({ id, value }),
      (error: unknown) => answer({ id, error: errorToWire(error) }),
    );
  }

  async #notice(notice: keyof Notices, args: unknown): Promise<void> {
    if (notice === "credentials") {
      const answer = args as Notices["credentials"];
      this.#credentials.get(answer.id)?.(answer);
      this.#credentials.delete(answer.id);
      return;
    }
    // A failed open has told its caller already.
    const engine = await this.#engine?.catch(() => undefined);
    if (notice === "committed") engine?.committed();
    else if (notice === "answered") engine?.answered();
    else if (notice === "exiting") await this.#exiting(engine, args as Notices["exiting"]);
    else engine?.adopted((args as Notices["adopted"]).viewId);
  }

  async #exiting(engine: Engine | undefined, { gate, deadlineMs }: Notices["exiting"]): Promise<void> {
    const waiting = new ExitGate(gate);
    try {
      await engine?.flush(deadlineMs);
      waiting.done(true);
    } catch {
      // The commits are in the buffer, and whoever waits says so.
      waiting.done(false);
    }
  }

  async #perform(op: Operation, args: unknown): Promise<unknown> {
    if (op === "open") return this.#open(args as Operations["open"]["args"]);
    if (op === "fence") return this.#fence;
    if (this.#engine === undefined) throw new HeadwaterError("CLOSED", `the database is not open; operation=${op}`);
    const engine = await this.#engine;
    const handler = this.#handlers[op] as (engine: Engine, args: never) => unknown;
    return handler(engine, args as never);
  }

  readonly #handlers: { readonly [O in Exclude<Operation, "open" | "fence">]: (engine: Engine, args: Operations[O]["args"]) => unknown } = {
    read: (engine, { viewId, pgno, seen }) => engine.read(viewId, pgno, seen),
    adopt: (engine, { viewId }) => engine.adoptNewest(viewId),
    sync: (engine, { sequence }) => engine.sync(sequence),
    durable: (engine, { sequence }) => engine.durable(sequence),
    confirm: (engine, { sequence, deadlineMs }) => engine.confirm(sequence, deadlineMs),
    flush: (engine, { deadlineMs }) => engine.flush(deadlineMs),
    refresh: (engine) => engine.refresh(),
    waitFor: (engine, args) => engine.waitFor(txid(args.txid)),
    hydrate: (engine) => engine.hydrate(),
    hydrated: (engine) => engine.hydrated(),
    close: (engine) => engine.close(),
    release: (engine) => this.#release(engine),
  };

  async #open({ engine, store, files }: Operations["open"]["args"]): Promise<unknown> {
    const bufferFs = files === undefined ? {} : { bufferFs: new MemoryFilesReader(files) };
    const shared = new SharedState();
    const opening = makeStore(store, systemRuntime, shared, () => this.#askCredentials()).then((made) => {
      const ports = { store: made, fs: nodeFileSystem, locks: nodePathLocks, runtime: systemRuntime, shared, ...bufferFs };
      return Engine.open(engine, ports, (name, event) => this.#emit(name, event)).catch(async (error: unknown) => {
        await made.close();
        throw error;
      });
    });
    this.#engine = opening;
    try {
      return (await opening).opened;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #release(engine: Engine): Promise<void> {
    try {
      await engine.release();
    } finally {
      // Let the answer go out first.
      void systemRuntime.timers.turn().then(() => this.#end());
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    void systemRuntime.timers.turn().then(() => {
      this.#channel.close();
      this.#control.close();
      this.#onClosed();
    });
  }

  async #abandon(): Promise<void> {
    if (this.#ended) return;
    const engine = await this.#engine?.catch(() => undefined);
    await engine?.close().catch(() => undefined);
    await engine?.release();
    this.#end();
  }

  #emit<K extends keyof EngineEvents>(name: K, event: EngineEvents[K]): void {
    if (event instanceof FencedError) this.#fence = errorToWire(event);
    this.#control.postMessage({ event: name, detail: toPlain(event) } satisfies FromIo);
  }

  /** Functions of the caller run in the caller's thread. */
  #askCredentials(): Promise<Credentials> {
    const id = this.#nextCredentialsId++;
    return new Promise((resolve, reject) => {
      this.#credentials.set(id, (answer) => {
        if (answer.value !== undefined) resolve(answer.value);
        else
          reject(answer.error ? errorFromWire(answer.error) : new HeadwaterError("STORE_DENIED", "the credentials function gave nothing"));
      });
      this.#control.postMessage({ credentialsWanted: id } satisfies FromIo);
    });
  }
}

/** Errors inside of an event as wire errors, marked so that the other side turns them back. */
function toPlain(event: unknown): unknown {
  if (event instanceof Error) return { wireError: errorToWire(event) };
  if (typeof event !== "object" || event === null) return event;
  return Object.fromEntries(Object.entries(event).map(([k, v]) => [k, v instanceof Error ? { wireError: errorToWire(v) } : v]));
}
