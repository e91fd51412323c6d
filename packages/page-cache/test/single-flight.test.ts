import { HeadwaterError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { SingleFlight } from "../src/index.js";

interface Call {
  readonly signal: AbortSignal;
  readonly resolve: (value: string) => void;
  readonly reject: (error: unknown) => void;
}

function recorder(): { calls: Call[]; start: (signal: AbortSignal) => Promise<string> } {
  const calls: Call[] = [];
  const start = (signal: AbortSignal): Promise<string> => new Promise((resolve, reject) => calls.push({ signal, resolve, reject }));
  return { calls, start };
}

describe("SingleFlight", () => {
  it("starts one call per key and gives its result to all who asked meanwhile", async () => {
    const flights = new SingleFlight<number, string>();
    const { calls, start } = recorder();
    const all = [flights.run(1, start), flights.run(1, start), flights.run(2, start)];
    expect([calls.length, flights.size]).toEqual([2, 2]);
    calls[0]?.resolve("one");
    calls[1]?.resolve("two");
    expect(await Promise.all(all)).toEqual(["one", "one", "two"]);
    expect(flights.size).toBe(0);
    const again = flights.run(1, start);
    expect(calls).toHaveLength(3);
    calls[2]?.resolve("fresh");
    expect(await again).toBe("fresh");
  });

  it("gives the same error to all, and the next caller starts afresh", async () => {
    const flights = new SingleFlight<number, string>();
    const { calls, start } = recorder();
    const all = [flights.run(1, start), flights.run(1, start, { signal: new AbortController().signal })];
    const results = Promise.allSettled(all);
    calls[0]?.reject(new HeadwaterError("STORE_UNAVAILABLE", "down"));
    expect((await results).map((r) => r.status === "rejected" && r.reason.code)).toEqual(["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
    expect(flights.has(1)).toBe(false);
  });

  it("turns a synchronous throw into a rejection", async () => {
    const flights = new SingleFlight<number, string>();
    const run = flights.run(1, () => {
      throw new Error("at once");
    });
    await expect(run).rejects.toThrow("at once");
    expect(flights.size).toBe(0);
  });

  it("lets one caller leave without disturbing the others", async () => {
    const flights = new SingleFlight<number, string>();
    const { calls, start } = recorder();
    const leaver = new AbortController();
    const left = flights.run(1, start, { signal: leaver.signal });
    const stayed = flights.run(1, start, { signal: new AbortController().signal });
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "ABORTED" });
    expect(calls[0]?.signal.aborted).toBe(false);
    calls[0]?.resolve("still here");
    expect(await stayed).toBe("still here");
  });

  it("stops the work when the last caller has left, and starts afresh for the next", async () => {
    const flights = new SingleFlight<number, string>();
    const { calls, start } = recorder();
    const leavers = [new AbortController(), new AbortController()];
    const left = Promise.allSettled(leavers.map(({ signal }) => flights.run(1, start, { signal })));
    for (const leaver of leavers) leaver.abort();
    expect((await left).map((r) => r.status)).toEqual(["rejected", "rejected"]);
    expect(calls[0]?.signal.aborted).toBe(true);
    const next = flights.run(1, start);
    expect(calls).toHaveLength(2);
    calls[0]?.reject(new Error("late end of the first")); // must not take the second one's place away
    await Promise.resolve();
    expect(flights.has(1)).toBe(true);
    calls[1]?.resolve("second");
    expect(await next).toBe("second");
  });

  it("does not start for a signal that has fired", async () => {
    const flights = new SingleFlight<number, string>();
    const { calls, start } = recorder();
    await expect(flights.run(1, start, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
    expect(calls).toHaveLength(0);
  });
});
