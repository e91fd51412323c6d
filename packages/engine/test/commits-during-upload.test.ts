import { decodeLtx } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { Connection, pageOf } from "./support/connection.js";
import { Gate, until, World } from "./support/world.js";

/** The state that the level-0 files give, one after the other, up to each of them. */
async function statesOf({ store, layout }: World): Promise<Map<string, Map<number, Uint8Array>>> {
  const states = new Map<string, Map<number, Uint8Array>>();
  const state = new Map<number, Uint8Array>();
  for await (const { objects } of store.list(layout.levelPrefix(0))) {
    for (const { key } of objects) {
      const { header, pages } = decodeLtx((await store.get(key)).body);
      for (const { pgno, data } of pages()) state.set(pgno, data.slice());
      for (const pgno of [...state.keys()]) if (pgno > header.commit) state.delete(pgno);
      states.set(header.maxTXID.toString(16).padStart(16, "0"), new Map(state));
    }
  }
  return states;
}

/** A replica of 40 pages, in version 1, and a writer on it whose next put is held back. */
async function writerWithHeldPut(
  syncIntervalMs: number,
): Promise<{ world: World; connection: Connection; gate: Gate; close(): Promise<void> }> {
  const world = new World();
  const first = new Connection(await world.open(), world);
  first.commit(
    1,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  await first.close();
  const gate = new Gate();
  world.hooks = { before: ({ kind }) => (kind === "put" ? gate.pass() : undefined) };
  const engine = await world.open({ syncIntervalMs });
  const connection = new Connection(engine, world);
  return { world, connection, gate, close: () => connection.close() };
}

describe("commits while a put is under way", () => {
  it("are accepted and land in the next file; the first one holds just what was committed before", async () => {
    const { world, connection, gate, close } = await writerWithHeldPut(1000);
    connection.commit(2, [5, 41]);
    await world.runtime.advance(1000);
    await until("the put is under way", () => gate.arrived === 1);

    // Among them a change of what is being uploaded, growth, and a page that is cut off again.
    for (let version = 3; version <= 30; version += 1) connection.commit(version, [5, 40 + version]);
    connection.commit(31, [6], 50);
    await world.runtime.advance(5000);
    expect(gate.arrived).toBe(1);
    expect(world.events("sync")).toHaveLength(1);
    expect(connection.txid).toBe("0000000000000001");

    gate.open();
    await world.runtime.advance(1000);
    await until("both files are in the replica", () => world.events("sync").length === 3);
    expect(world.events("sync").slice(1)).toMatchObject([
      { txid: "0000000000000002", transactions: 1 },
      { txid: "0000000000000003", transactions: 29 },
    ]);
    const states = await statesOf(world);
    const second = states.get("0000000000000002");
    expect(second?.size).toBe(41);
    for (const pgno of [1, 5, 41]) expect(second?.get(pgno)).toEqual(pageOf(pgno, 2, 41));
    expect(second?.get(6)).toEqual(pageOf(6, 1, 40));
    const third = states.get("0000000000000003");
    expect(third?.size).toBe(50);
    expect(third?.get(1)).toEqual(pageOf(1, 31, 50));
    expect(third?.get(5)).toEqual(pageOf(5, 30, 70));
    expect(third?.get(50)).toEqual(pageOf(50, 10, 50));
    await close();
  });

  it("are read at once, and so is what the replica holds", async () => {
    const { connection, gate, close } = await writerWithHeldPut(1);
    connection.commit(2, [5]);
    const syncing = connection.sync();
    await until("the put is under way", () => gate.arrived === 1);
    connection.commit(3, [6, 42]);
    expect(await connection.read(5)).toEqual(pageOf(5, 2, 40));
    expect(await connection.read(6)).toEqual(pageOf(6, 3, 42));
    expect(await connection.read(41)).toEqual(new Uint8Array(512));
    expect(await connection.read(30)).toEqual(pageOf(30, 1, 40));
    gate.open();
    expect(await syncing).toBe(2n);
    // Adopting it changes nothing that is read.
    expect(await connection.read(5)).toEqual(pageOf(5, 2, 40));
    expect(await connection.read(6)).toEqual(pageOf(6, 3, 42));
    expect(await connection.read(30)).toEqual(pageOf(30, 1, 40));
    await close();
  });

  it("are waited for by sync() in the file that follows at once, and by durable() in the one they are in", async () => {
    const { world, connection, gate, close } = await writerWithHeldPut(0);
    const before = connection.commit(2, [5]);
    const first = connection.sync();
    await until("the put is under way", () => gate.arrived === 1);
    connection.commit(3, [6]);
    const [again, next] = [connection.durable(before), connection.sync()];
    gate.open();
    expect(await Promise.all([first, again, next])).toEqual([2n, 2n, 3n]);
    expect(world.runtime.sleeping).toBe(0);
    await close();
  });

  it("never wait for a put that fails and is tried again", async () => {
    const { world, connection, gate, close } = await writerWithHeldPut(1000);
    connection.commit(2, [5]);
    let failing = true;
    world.hooks = {
      before: async ({ kind }) => {
        if (kind !== "put") return;
        await gate.pass();
        if (failing) throw new Error("connection reset");
      },
    };
    gate.open();
    await world.runtime.advance(1000);
    await until("the put has failed", () => world.events("syncFailed").length > 0);
    for (let version = 3; version <= 10; version += 1) {
      connection.commit(version, [5]);
      await world.runtime.advance(10_000);
    }
    expect(await connection.read(5)).toEqual(pageOf(5, 10, 40));
    expect(connection.txid).toBe("0000000000000001");
    failing = false;
    await world.runtime.advance(60_000);
    await until("all is in the replica", () => world.events("sync").length === 3);
    // The file whose put failed was sent again as it was.
    const states = await statesOf(world);
    expect(states.get("0000000000000002")?.get(5)).toEqual(pageOf(5, 2, 40));
    expect(states.get("0000000000000003")?.get(5)).toEqual(pageOf(5, 10, 40));
    await close();
  });
});
