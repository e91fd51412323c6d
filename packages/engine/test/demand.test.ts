import { HeadwaterError } from "@headwater/core";
import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { DemandGate } from "../src/demand.js";

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}

describe("DemandGate", () => {
  it("holds background work back while a demand read is under way", async () => {
    const gate = new DemandGate(new ManualRuntime());
    let idle = false;
    const work = deferred<void>();
    const demand = gate.run(1000, "pgno=1", () => work.promise);
    const background = gate.whenIdle().then(() => {
      idle = true;
    });
    await new ManualRuntime().advance(10);
    expect(idle).toBe(false);
    work.resolve();
    await Promise.all([demand, background]);
    expect(idle).toBe(true);
  });

  it("fails a read at its deadline with what it met as the cause, and goes on", async () => {
    const runtime = new ManualRuntime();
    const gate = new DemandGate(runtime);
    const cause = new HeadwaterError("ABORTED", "aborted");
    const read = gate.run(500, "pgno=9", (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(cause))));
    const outcome = expect(read).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true, cause });
    await runtime.advance(499);
    await runtime.advance(1);
    await outcome;
    await expect(gate.run(500, "pgno=9", async () => 42)).resolves.toBe(42);
    await gate.whenIdle();
    expect(runtime.sleeping).toBe(0);
  });

  it("passes an error on as it is when the deadline has not come", async () => {
    const gate = new DemandGate(new ManualRuntime());
    const error = new HeadwaterError("LTX_CORRUPT", "bad frame");
    await expect(gate.run(500, "pgno=9", () => Promise.reject(error))).rejects.toBe(error);
  });
});
