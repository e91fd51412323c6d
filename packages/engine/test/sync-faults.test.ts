import { HeadwaterError, txid } from "@headwater/core";
import { SeededRandom, testSeed } from "@headwater/core/testing";
import { decodeLtx, mergeLtx } from "@headwater/ltx";
import { storePublisher } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { Connection, pageOf } from "./support/connection.js";
import { World } from "./support/world.js";

const seed = testSeed("sync faults");
/** More requests than this, and a session never ends by itself. */
const REQUESTS_MAX = 200;
const FIRST_VERSIONS = 3;
const SYNC_AT: readonly number[] = [5, 7, 8];
const LAST_VERSION = 10;

/** A page is told by the version that wrote it, and by the size of the database then. */
type State = ReadonlyMap<number, Uint8Array>;

/** What versions 1 to `LAST_VERSION` write: they grow the database, shrink it and grow it again. */
function changesOf(version: number): { readonly pgnos: readonly number[]; readonly sizePages: number } {
  const random = new SeededRandom(seed + version);
  const sizePages = version === 6 ? 8 : 12 + version + random.below(4);
  return { pgnos: Array.from({ length: 4 }, () => 1 + random.below(sizePages)), sizePages };
}

/** The states after each version; every version also writes what the database grew by, as SQLite or our syncer would. */
function model(): readonly State[] {
  const states: State[] = [new Map()];
  for (let version = 1; version <= LAST_VERSION; version += 1) {
    const { pgnos, sizePages } = grown(version, states[version - 1]?.size ?? 0);
    const next = new Map(states[version - 1]);
    for (const pgno of [1, ...pgnos]) next.set(pgno, pageOf(pgno, version, sizePages));
    for (const pgno of [...next.keys()]) if (pgno > sizePages) next.delete(pgno);
    states.push(next);
  }
  return states;
}

function grown(version: number, before: number): { readonly pgnos: readonly number[]; readonly sizePages: number } {
  const { pgnos, sizePages } = changesOf(version);
  const added = Array.from({ length: Math.max(0, sizePages - before) }, (_, i) => before + 1 + i);
  return { pgnos: [...new Set([...pgnos, ...added])], sizePages };
}

const STATES = model();

interface Promised {
  committed: number;
  confirmed: number;
}

function commit(connection: Connection, version: number): void {
  const { pgnos, sizePages } = grown(version, STATES[version - 1]?.size ?? 0);
  connection.commit(version, pgnos, sizePages);
}

/** A replica of three transactions. */
async function prepare(): Promise<World> {
  const world = new World();
  const connection = new Connection(await world.open(), world);
  for (let version = 1; version <= FIRST_VERSIONS; version += 1) {
    commit(connection, version);
    await connection.sync();
  }
  await connection.close();
  return world;
}

/** Another process compacts what was there, and removes it, so that the open view must be planned anew. */
async function compact({ store, layout }: World): Promise<void> {
  const files = [1, 2, 3].map((n) => layout.key(0, txid(n), txid(n)));
  const inputs = await Promise.all(files.map(async (key) => (await store.get(key)).body));
  await storePublisher(store, layout).publish(mergeLtx(inputs), 1);
  for (const key of files) await store.delete(key);
}

/** Storage that is away is no reason to stop; anything else is. */
async function unlessAway(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (HeadwaterError.is(error) && ["STORE_UNAVAILABLE", "REPLICA_FILE_GONE"].includes(error.code)) return false;
    throw error;
  }
}

/** Opens, reads, commits, syncs and closes, and notes what it was promised. */
async function session(world: World, promised: Promised): Promise<void> {
  let connection: Connection | undefined;
  await unlessAway(async () => {
    connection = new Connection(await world.open(), world);
  });
  if (connection === undefined) return;
  const writer = connection;
  await compact(world);
  for (let pgno = 2; pgno <= 12; pgno += 5) {
    await unlessAway(async () => expect(await writer.read(pgno)).toEqual(STATES[FIRST_VERSIONS]?.get(pgno)));
  }
  for (let version = FIRST_VERSIONS + 1; version <= LAST_VERSION; version += 1) {
    commit(writer, version);
    promised.committed = version;
    if (SYNC_AT.includes(version) && (await unlessAway(() => writer.sync()))) promised.confirmed = version;
  }
  if (await unlessAway(() => writer.close())) promised.confirmed = LAST_VERSION;
}

/** What the replica's files give, from the first TXID to the newest; fails at a gap. */
async function replicaState({ store, layout }: World): Promise<State> {
  const state = new Map<number, Uint8Array>();
  let next = 1n;
  for (const level of [1, 0]) {
    for await (const { objects } of store.list(layout.levelPrefix(level))) {
      for (const { key } of objects) {
        const { header, pages } = decodeLtx((await store.get(key)).body);
        if (header.maxTXID < next) continue;
        expect(header.minTXID, key).toBe(next);
        for (const { pgno, data } of pages()) state.set(pgno, data.slice());
        for (const pgno of [...state.keys()]) if (pgno > header.commit) state.delete(pgno);
        next = header.maxTXID + 1n;
      }
    }
  }
  return state;
}

/** The state must be one of the model's, between what was confirmed and what was committed. */
async function checkReplica(world: World, { confirmed, committed }: Promised): Promise<void> {
  const state = await replicaState(world);
  const first = state.get(1) ?? new Uint8Array(100);
  const version = new DataView(first.buffer, first.byteOffset).getUint32(24);
  expect(version).toBeGreaterThanOrEqual(confirmed);
  expect(version).toBeLessThanOrEqual(committed);
  expect(state).toEqual(STATES[version]);
}

/** Runs it to its end, and lets time pass as far as it takes. Never ends by itself when `over` comes first. */
async function drive(world: World, work: Promise<void>, over: Promise<void>): Promise<void> {
  let done = false;
  const end = Promise.race([work, over]).finally(() => {
    done = true;
  });
  end.catch(() => undefined); // awaited below
  for (let n = 0; !done; n += 1) {
    if (n > 3000) throw new Error("a session does not end");
    await world.runtime.advance(1000);
  }
  await end;
}

/** @returns whether there was an n-th request. */
async function trial(nth: number, side: "before" | "after", mode: "once" | "for ever" | "crash"): Promise<boolean> {
  const world = await prepare();
  const promised: Promised = { committed: FIRST_VERSIONS, confirmed: FIRST_VERSIONS };
  let requests = 0;
  let struck = false;
  let die = (): void => undefined;
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  const strike = (): void => {
    requests += 1;
    if (requests < nth || (requests > nth && mode === "once")) return;
    struck = true;
    if (mode !== "crash") throw new HeadwaterError("STORE_UNAVAILABLE", "test");
    world.kill();
    world.hooks = {};
    die();
  };
  world.hooks = side === "before" ? { before: strike } : { after: strike };
  await drive(world, session(world, promised), dead);
  world.hooks = {};
  await checkReplica(world, promised);

  // Whatever became of the first process, the next one with the same buffer finds everything, and goes on.
  world.kill();
  const next = new Connection(await world.open(), world);
  const newest = STATES[promised.committed] ?? new Map<number, Uint8Array>();
  expect(next.sizePages).toBe(newest.size);
  for (const [pgno, page] of newest) expect(await next.read(pgno)).toEqual(page);
  await drive(world, next.close(), new Promise(() => undefined));
  await checkReplica(world, { confirmed: promised.committed, committed: promised.committed });
  return struck;
}

describe("a writer whose n-th request fails, from opening to closing, for every n", () => {
  it.each([
    ["before", "once"],
    ["after", "once"],
    ["before", "for ever"],
    ["after", "for ever"],
    ["before", "crash"],
    ["after", "crash"],
  ] as const)("%s the store did it, %s: the replica is whole, and the buffer has the rest", async (side, mode) => {
    let nth = 1;
    while (await trial(nth, side, mode)) {
      nth += 1;
      expect(nth).toBeLessThan(REQUESTS_MAX);
    }
    expect(nth).toBeGreaterThan(10);
  });
});
