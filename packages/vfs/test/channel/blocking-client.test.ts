import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { errorToWire, FencedError } from "@headwater/core";
import { afterEach, describe, expect, it } from "vitest";
import { BlockingClient } from "../../src/channel/blocking-client.js";
import { type FromIo, SIGNAL_BYTES, SIGNAL_DEAD, SIGNAL_REPLIES } from "../../src/channel/protocol.js";

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A client with `graceMs`, and the other side's hands. */
function pair(graceMs: number): { client: BlockingClient; other: MessagePort; signal: Int32Array; reply(message: FromIo): void } {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const buffer = new SharedArrayBuffer(SIGNAL_BYTES);
  const signal = new Int32Array(buffer);
  const reply = (message: FromIo): void => {
    port2.postMessage(message);
    Atomics.add(signal, SIGNAL_REPLIES, 1);
    Atomics.notify(signal, SIGNAL_REPLIES);
  };
  return { client: new BlockingClient(port1, buffer, graceMs), other: port2, signal, reply };
}

describe("BlockingClient", () => {
  it("takes the reply of its own call, and drops late ones of calls that were given up", () => {
    const { client, reply } = pair(0);
    const first = client.begin("refresh", undefined);
    expect(() => client.wait(first, 1)).toThrow(expect.objectContaining({ code: "TIMEOUT", retryable: true }));
    const second = client.begin("refresh", undefined);
    reply({ id: first.id, value: 1n });
    reply({ id: second.id, value: 2n });
    expect(client.wait(second, 1000)).toBe(2n);
  });

  it("throws what the operation failed with, class and fields included", () => {
    const { client, reply } = pair(0);
    const call = client.begin("sync", {});
    const error = new FencedError("another writer", { localTxid: "0000000000000001", remoteTxid: "0000000000000002" });
    reply({ id: call.id, error: errorToWire(error) });
    expect(() => client.wait(call, 1000)).toThrow(expect.objectContaining({ code: "FENCED", remoteTxid: "0000000000000002" }));
  });

  it("notices at once that the other thread has ended, but still takes a reply that came before", () => {
    const { client, signal, reply } = pair(60_000);
    const answered = client.begin("refresh", undefined);
    reply({ id: answered.id, value: 7n });
    Atomics.store(signal, SIGNAL_DEAD, 1);
    expect(client.wait(answered, 60_000)).toBe(7n);
    expect(() => client.call("refresh", undefined, 60_000)).toThrow(expect.objectContaining({ code: "WORKER_DIED" }));
  });

  it("wakes from its sleep when the other thread ends", async () => {
    const { client, other, signal } = pair(60_000);
    // Answers nothing: sees the request and ends, as a thread that crashes does.
    const worker = new Worker(
      `const { workerData } = require("node:worker_threads");
       const signal = new Int32Array(workerData.signal);
       workerData.port.once("message", () => {
         Atomics.store(signal, ${SIGNAL_DEAD}, 1);
         Atomics.notify(signal, ${SIGNAL_REPLIES});
       });`,
      { eval: true, workerData: { port: other, signal: signal.buffer }, transferList: [other] },
    );
    ports.splice(ports.indexOf(other), 1);
    expect(() => client.call("refresh", undefined, 60_000)).toThrow(expect.objectContaining({ code: "WORKER_DIED" }));
    await worker.terminate();
  });
});
