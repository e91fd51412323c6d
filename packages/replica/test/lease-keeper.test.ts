import { HeadwaterError } from "@headwater/core";
import { ManualRuntime } from "@headwater/core/testing";
import { type ETag, MemoryBucket, MemoryObjectStore, type ObjectStore, type PutOptions } from "@headwater/object-store";
import { faultSweep, HookedObjectStore, type Hooks } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { createLayout, decodeLease, encodeLease, type Lease, LeaseKeeper, type LeaseKeeperOptions } from "../src/index.js";

const LAYOUT = createLayout("s3", "app");
const MINUTE_MS = 60_000;

/** The store's clock, and machines with clocks of their own. */
class World {
  readonly store = new ManualRuntime({ nowMs: 1_700_000_000_000 });
  readonly bucket = new MemoryBucket();
  readonly inner = new MemoryObjectStore({ clock: this.store.clock, bucket: this.bucket });

  keeper(
    owner: string,
    more: Partial<LeaseKeeperOptions> & { hooks?: Hooks; skewMs?: number } = {},
  ): { keeper: LeaseKeeper; machine: ManualRuntime } {
    const { hooks = {}, skewMs = 0, ...rest } = more;
    const machine = new ManualRuntime({ nowMs: this.store.clock.nowMs() + skewMs });
    const store = new HookedObjectStore(this.inner, hooks);
    return { keeper: new LeaseKeeper({ store, layout: LAYOUT, runtime: machine, owner, ...rest }), machine };
  }

  async pass(durationMs: number, ...machines: ManualRuntime[]): Promise<void> {
    await this.store.advance(durationMs);
    for (const machine of machines) await machine.advance(durationMs);
  }

  async lease(): Promise<Lease | undefined> {
    const stored = this.bucket.get(LAYOUT.leaseKey);
    return stored && decodeLease(stored.body, LAYOUT.leaseKey);
  }

  now(): number {
    return this.store.clock.nowMs();
  }
}

const failing = (code: "STORE_UNAVAILABLE" | "STORE_PRECONDITION" | "STORE_DENIED") => new HeadwaterError(code, "test");

describe("a lease", () => {
  it("is taken where there is none, with the store's time, and renewed at a third of its ttl", async () => {
    const world = new World();
    const { keeper, machine } = world.keeper("a", { skewMs: 3_600_000 });
    await keeper.read();
    keeper.clock.note(world.now(), { monotonicMs: machine.clock.monotonicMs(), wallMs: machine.clock.nowMs() });
    expect([keeper.state.kind, keeper.isFresh]).toEqual(["free", false]);
    await keeper.hold(true);
    expect(await world.lease()).toEqual({ generation: 1, owner: "a", expiresAtMs: world.now() + 30_000, holdUntilMs: world.now() });
    await world.pass(9_999, machine);
    await keeper.hold(true);
    expect((await world.lease())?.expiresAtMs).toBe(world.now() + 30_000 - 9_999);
    await world.pass(1, machine);
    await keeper.hold(true);
    expect(await world.lease()).toMatchObject({ generation: 1, expiresAtMs: world.now() + 30_000 });
    expect([keeper.isFresh, keeper.isRenewed, keeper.tenure]).toEqual([true, true, 0]);
  });

  it("is not fresh any more after its ttl by either clock", async () => {
    for (const asleep of [false, true]) {
      const world = new World();
      const { keeper, machine } = world.keeper("a");
      await keeper.hold(true);
      expect(keeper.isFresh).toBe(true);
      if (asleep) machine.jump(30_000);
      else await machine.advance(30_000);
      expect(keeper.isFresh).toBe(false);
    }
  });

  it("counts from the time at which its renewal was sent", async () => {
    const world = new World();
    const { keeper, machine } = world.keeper("a", {
      hooks: { after: (call) => (call.kind === "put" ? machine.advance(12_000) : undefined) },
    });
    await keeper.hold(true);
    expect([keeper.isFresh, keeper.isRenewed]).toEqual([true, false]);
  });

  it.each([3_600_000, -3_600_000])(
    "of another keeps this one out until it expires, whatever this machine's clock says (%d ms off)",
    async (skewMs) => {
      const world = new World();
      const { keeper: a } = world.keeper("a");
      await a.hold(true);
      const { keeper: b, machine } = world.keeper("b", { skewMs });
      await b.read();
      expect(b.state).toMatchObject({ kind: "held", lease: { owner: "a" } });
      await expect(b.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD", retryable: true });
      await world.pass(29_999, machine);
      await expect(b.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD" });
      await world.pass(1, machine);
      await b.hold(false);
      expect(await world.lease()).toMatchObject({ generation: 2, owner: "b", holdUntilMs: world.now() + 20 * MINUTE_MS });
      // Somebody may have been at work between our listing and the take-over.
      expect(b.tenure).toBe(1);
      await expect(a.hold(false)).resolves.toBeUndefined(); // by its clock it is still fresh
    },
  );

  it("that was taken over meanwhile is lost, with the next renewal", async () => {
    const world = new World();
    const a = world.keeper("a");
    await a.keeper.hold(true);
    await world.pass(30_000, a.machine);
    const b = world.keeper("b");
    await b.keeper.hold(false);
    await expect(a.keeper.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD" });
    expect([a.keeper.isFresh, a.keeper.lease?.owner]).toEqual([false, "b"]);
    await world.pass(30_000, a.machine, b.machine);
    await a.keeper.hold(false);
    expect(await world.lease()).toMatchObject({ generation: 3, owner: "a" });
    expect(a.keeper.tenure).toBe(1);
  });

  it("that idled past its ttl and that nobody took goes on", async () => {
    const world = new World();
    const { keeper, machine } = world.keeper("a");
    await keeper.hold(true);
    await world.pass(10 * MINUTE_MS, machine);
    await keeper.hold(false);
    expect([await world.lease(), keeper.tenure]).toMatchObject([{ generation: 1, expiresAtMs: world.now() + 30_000 }, 0]);
  });

  it("is given up by an expired lease, and the next one takes it at once and keeps hold_until", async () => {
    const world = new World();
    const { keeper: a, machine } = world.keeper("a");
    await a.hold(false);
    const hold = world.now() + 20 * MINUTE_MS;
    await world.pass(5000, machine);
    await a.release();
    expect(await world.lease()).toEqual({
      generation: 1,
      owner: "a",
      expiresAtMs: world.now(),
      releasedAtMs: world.now(),
      holdUntilMs: hold,
    });
    expect(a.isFresh).toBe(false);
    const { keeper: b } = world.keeper("b");
    await b.read();
    expect(b.state).toEqual({ kind: "free", releasedAtMs: world.now() });
    await b.hold(false);
    expect(await world.lease()).toEqual({ generation: 2, owner: "b", expiresAtMs: world.now() + 30_000, holdUntilMs: hold });
    expect(b.tenure).toBe(0);
  });

  it("that changed since it was read counts as having been in other hands", async () => {
    const world = new World();
    const b = world.keeper("b");
    await b.keeper.read();
    const { keeper: a } = world.keeper("a");
    await a.hold(true);
    await a.release();
    await expect(b.keeper.hold(false)).rejects.toMatchObject({ code: "STORE_CONFLICT" });
    await b.keeper.hold(false);
    expect(b.keeper.tenure).toBe(1);
  });

  it("of the same buffer is taken at once after a crash, and level 0 is held on to", async () => {
    const world = new World();
    await world.keeper("host:1:aa").keeper.hold(true);
    const { keeper } = world.keeper("host:2:bb", { formerOwners: ["host:1:aa"] });
    await keeper.read();
    expect(keeper.state.kind).toBe("own");
    await keeper.hold(false);
    expect(await world.lease()).toMatchObject({ generation: 2, owner: "host:2:bb", holdUntilMs: world.now() + 20 * MINUTE_MS });
  });

  it("of Litestream's is honoured; once taken, hold_until is there", async () => {
    const world = new World();
    const text = JSON.stringify({ token: 8, expires_at: new Date(world.now() + 1000).toISOString(), owner: "litestream" });
    await world.inner.put(LAYOUT.leaseKey, new TextEncoder().encode(text));
    const { keeper, machine } = world.keeper("b");
    await expect(keeper.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await world.pass(1000, machine);
    await keeper.hold(false);
    expect(await world.lease()).toMatchObject({ generation: 9, owner: "b", holdUntilMs: world.now() + 20 * MINUTE_MS });
  });

  it("that can't be read keeps everybody out", async () => {
    for (const body of ["", "{"]) {
      const world = new World();
      await world.inner.put(LAYOUT.leaseKey, new TextEncoder().encode(body));
      await expect(world.keeper("b").keeper.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD", retryable: false });
    }
  });

  it("keeps its number growing when somebody deletes it", async () => {
    const world = new World();
    const { keeper, machine } = world.keeper("a");
    await keeper.hold(true);
    await world.inner.delete(LAYOUT.leaseKey);
    await world.pass(10_000, machine);
    await expect(keeper.hold(false)).resolves.toBeUndefined();
    expect(await world.lease()).toMatchObject({ generation: 2, owner: "a", holdUntilMs: world.now() + 20 * MINUTE_MS });
  });
});

describe("a change whose answer is lost", () => {
  it("comes to the same end, wherever the fault strikes", async () => {
    const struck = await faultSweep({
      prepare: async () => new MemoryObjectStore({ clock: new ManualRuntime().clock }),
      async body(store) {
        const machine = new ManualRuntime();
        const keeper = new LeaseKeeper({ store, layout: LAYOUT, runtime: machine, owner: "a" });
        const often = async (task: () => Promise<void>): Promise<void> => {
          for (let n = 1; ; n += 1) {
            try {
              return await task();
            } catch (error) {
              if (n === 3) throw error;
              await machine.advance(1000);
            }
          }
        };
        await often(() => keeper.hold(true));
        expect(keeper.isFresh).toBe(true);
        await machine.advance(10_000);
        await often(() => keeper.hold(false));
        expect(keeper.isFresh).toBe(true);
        await often(() => keeper.probe());
        await often(() => keeper.release());
      },
      async check({ inner, error, fault, hits }) {
        if (fault.mode === "transient") expect(error).toBeUndefined();
        if (hits > 0 && fault.mode === "persistent") return;
        const lease = decodeLease((await inner.get(LAYOUT.leaseKey)).body, "k");
        expect(lease).toMatchObject({ owner: "a", releasedAtMs: expect.any(Number) });
        expect(lease.generation).toBeLessThanOrEqual(2);
      },
    });
    expect(struck).toBeGreaterThan(20);
  });

  it("is known by owner, generation and expiry", async () => {
    const world = new World();
    let lose = true;
    const { keeper, machine } = world.keeper("a", {
      hooks: {
        after: (call) => {
          if (call.kind === "put" && lose) throw failing("STORE_UNAVAILABLE");
        },
      },
    });
    await keeper.hold(true);
    expect([keeper.isFresh, (await world.lease())?.generation]).toEqual([true, 1]);
    await world.pass(10_000, machine);
    await keeper.hold(true);
    expect([keeper.isRenewed, (await world.lease())?.generation]).toEqual([true, 1]);
    lose = false;
    await world.pass(10_000, machine);
    await keeper.hold(true);
    expect(await world.lease()).toMatchObject({ generation: 1, expiresAtMs: world.now() + 30_000 });
  });

  it("does not make another's lease ours", async () => {
    const world = new World();
    const { keeper: b } = world.keeper("b");
    const { keeper: a, machine } = world.keeper("a", {
      hooks: {
        before: async (call) => {
          if (call.kind === "put") await b.hold(true);
        },
      },
    });
    await expect(a.hold(true)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await machine.advance(0);
    expect([a.isFresh, (await world.lease())?.owner]).toEqual([false, "b"]);
  });

  it("leaves it alone when the answer said that nothing was done", async () => {
    const world = new World();
    const { keeper } = world.keeper("a", {
      hooks: {
        before: (call) => {
          if (call.kind === "put") throw failing("STORE_DENIED");
        },
      },
    });
    await expect(keeper.hold(true)).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(await world.lease()).toBeUndefined();
  });
});

/** A store that does not do what preconditions say. */
function careless(inner: ObjectStore, ignored: "ifMatch" | "ifNoneMatch" | "both"): ObjectStore {
  const put = (key: string, body: Uint8Array, options: PutOptions = {}): ReturnType<ObjectStore["put"]> => {
    const { precondition, ...rest } = options;
    const name = precondition !== undefined && "ifMatch" in precondition ? "ifMatch" : "ifNoneMatch";
    return inner.put(key, body, ignored === "both" || ignored === name ? rest : options);
  };
  return {
    description: "careless",
    put,
    get: inner.get.bind(inner),
    head: inner.head.bind(inner),
    delete: inner.delete.bind(inner),
    list: inner.list.bind(inner),
    close: inner.close.bind(inner),
  };
}

describe("the probe", () => {
  it("is two requests, once, and leaves the lease as it was", async () => {
    const world = new World();
    let puts = 0;
    const count = (call: { kind: string }): void => {
      if (call.kind === "put") puts += 1;
    };
    const { keeper } = world.keeper("a", { hooks: { before: count } });
    await keeper.hold(true);
    const before = world.bucket.get(LAYOUT.leaseKey)?.etag;
    await keeper.probe();
    await keeper.probe();
    expect([puts, world.bucket.get(LAYOUT.leaseKey)?.etag]).toEqual([3, before]);
  });

  it.each(["ifMatch", "ifNoneMatch", "both"] as const)("finds a store that ignores %s", async (ignored) => {
    const world = new World();
    const store = careless(world.inner, ignored);
    const keeper = new LeaseKeeper({ store, layout: LAYOUT, runtime: world.store, owner: "a" });
    await keeper.hold(true);
    await expect(keeper.probe()).rejects.toMatchObject({ code: "STORE_UNSAFE", retryable: false });
    expect(await world.lease()).toMatchObject({ owner: "a", generation: 1 });
    await expect(keeper.probe()).rejects.toMatchObject({ code: "STORE_UNSAFE" });
    await world.store.advance(10_000);
    await keeper.hold(true);
  });

  it("is asked again when it was not answered", async () => {
    const world = new World();
    let down = false;
    const { keeper } = world.keeper("a", {
      hooks: {
        before: () => {
          if (down) throw failing("STORE_UNAVAILABLE");
        },
      },
    });
    await keeper.hold(true);
    down = true;
    await expect(keeper.probe()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    down = false;
    await keeper.probe();
  });

  it("says so when the store refuses its own ETag", async () => {
    const world = new World();
    const { keeper, machine } = world.keeper("a", {
      hooks: {
        before: (call) => {
          const { precondition } = call.options;
          if (precondition !== undefined && "ifMatch" in precondition) throw failing("STORE_PRECONDITION");
        },
      },
    });
    await keeper.hold(true);
    await world.pass(10_000, machine);
    await expect(keeper.hold(true)).rejects.toMatchObject({ code: "STORE_UNSAFE" });
  });
});

describe("an unusual lease", () => {
  it("that is far in the future is honoured by the store's time", async () => {
    const world = new World();
    const lease = { generation: 1, expiresAtMs: world.now() + 10 * MINUTE_MS, owner: "x" };
    const { etag } = await world.inner.put(LAYOUT.leaseKey, encodeLease(lease));
    expect(etag as ETag).toBeDefined();
    await expect(world.keeper("b").keeper.hold(false)).rejects.toMatchObject({ code: "LEASE_HELD" });
  });
});
