import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Runtime } from "@headwater/core";
import { patientRuntime, systemRuntime } from "@headwater/core/node";
import { ManualRuntime } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";

/** What holds of every Runtime. `pass` lets the time pass that `sleep` needs. */
function describeRuntime(name: string, make: () => { runtime: Runtime; pass(ms: number): Promise<void> }): void {
  describe(`Runtime: ${name}`, () => {
    it("sleeps for the time asked for", async () => {
      const { runtime, pass } = make();
      const startedAt = runtime.clock.monotonicMs();
      const asleep = runtime.timers.sleep(20);
      await pass(20);
      await asleep;
      expect(runtime.clock.monotonicMs() - startedAt).toBeGreaterThanOrEqual(19);
    });

    it("wakes a sleeper with ABORTED when its signal fires, and at once when it had fired", async () => {
      const { runtime } = make();
      const controller = new AbortController();
      const asleep = runtime.timers.sleep(Number.POSITIVE_INFINITY, controller.signal);
      controller.abort("enough");
      await expect(asleep).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
      await expect(runtime.timers.sleep(0, controller.signal)).rejects.toMatchObject({ code: "ABORTED" });
    });

    it("does not wake a sleeper of 30 days at once", async () => {
      const { runtime, pass } = make();
      const controller = new AbortController();
      let woke = false;
      const asleep = runtime.timers.sleep(30 * 86_400_000, controller.signal).then(() => {
        woke = true;
      });
      await pass(10);
      expect(woke).toBe(false);
      controller.abort();
      await expect(asleep).rejects.toMatchObject({ code: "ABORTED" });
    });

    it("takes turns with the others on its thread", async () => {
      const { runtime } = make();
      const order: string[] = [];
      setImmediate(() => order.push("other"));
      await runtime.timers.turn();
      expect(order).toEqual(["other"]);
    });

    it("gives integers of 32 bits", () => {
      const { random } = make().runtime;
      const drawn = Array.from({ length: 2000 }, () => random.nextU32());
      expect(drawn.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32)).toBe(true);
      expect(new Set(drawn).size).toBeGreaterThan(1990);
      for (const bit of [0, 15, 31]) expect(drawn.filter((n) => (n >>> bit) & 1).length / drawn.length).toBeCloseTo(0.5, 0);
    });
  });
}

describeRuntime("system", () => ({ runtime: systemRuntime, pass: () => new Promise((resolve) => setImmediate(resolve)) }));
describeRuntime("patient", () => ({ runtime: patientRuntime, pass: () => new Promise((resolve) => setImmediate(resolve)) }));
describeRuntime("manual", () => {
  const runtime = new ManualRuntime({ seed: 7 });
  return { runtime, pass: (ms) => runtime.advance(ms) };
});

describe("ManualRuntime", () => {
  it("wakes sleepers in the order of their time, then of their call", async () => {
    const runtime = new ManualRuntime({ nowMs: 1000 });
    const woke: string[] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await runtime.timers.sleep(ms);
      woke.push(`${name}@${runtime.clock.nowMs()}`);
    };
    const all = [sleeper("c", 30), sleeper("a", 10), sleeper("b", 10), sleeper("d", -5)];
    expect(runtime.sleeping).toBe(4);
    await runtime.advance(9);
    expect(woke).toEqual(["d@1000"]);
    await runtime.advance(21);
    expect(woke).toEqual(["d@1000", "a@1010", "b@1010", "c@1030"]);
    expect(runtime.clock.nowMs()).toBe(1030);
    await Promise.all(all);
    expect(runtime.sleeping).toBe(0);
  });

  it("lets a sleeper sleep again within one advance", async () => {
    const runtime = new ManualRuntime();
    const ticks: number[] = [];
    const startedAt = runtime.clock.nowMs();
    const loop = (async () => {
      for (let i = 0; i < 5; i += 1) {
        await runtime.timers.sleep(10);
        await Promise.resolve();
        ticks.push(runtime.clock.nowMs() - startedAt);
      }
    })();
    await runtime.advance(100);
    await loop;
    expect(ticks).toEqual([10, 20, 30, 40, 50]);
  });

  it("forgets a sleeper whose signal fired", async () => {
    const runtime = new ManualRuntime();
    const controller = new AbortController();
    const asleep = runtime.timers.sleep(10, controller.signal);
    controller.abort();
    await expect(asleep).rejects.toMatchObject({ code: "ABORTED" });
    expect(runtime.sleeping).toBe(0);
  });

  it("can move the wall clock alone, as for a machine that was suspended", async () => {
    const runtime = new ManualRuntime({ nowMs: 5000 });
    const asleep = runtime.timers.sleep(10);
    runtime.jump(60_000);
    expect(runtime.clock.nowMs()).toBe(65_000);
    expect(runtime.clock.monotonicMs()).toBe(5000);
    expect(runtime.sleeping).toBe(1);
    await runtime.advance(10);
    await asleep;
    expect(runtime.clock.nowMs()).toBe(65_010);
    runtime.jump(-70_000);
    expect(runtime.clock.nowMs()).toBe(-4990);
  });

  it("gives the same numbers for the same seed", () => {
    const draw = (seed: number): number[] => {
      const { random } = new ManualRuntime({ seed });
      return [random.nextU32(), random.below(10), ...random.bytes(4)];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe("a process that does nothing but sleep", () => {
  const built = new URL("../dist/node.js", import.meta.url).href;
  const exitStatus = async (name: string): Promise<unknown> => {
    const script = `import { ${name} as runtime } from ${JSON.stringify(built)}; await runtime.timers.sleep(20);`;
    const [status] = await once(spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" }), "close");
    return status;
  };

  it("ends with the patient runtime when it has slept, and with the other one (status 13) before", async () => {
    expect([await exitStatus("patientRuntime"), await exitStatus("systemRuntime")]).toEqual([0, 13]);
  });
});
