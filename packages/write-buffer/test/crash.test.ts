import { txid } from "@headwater/core";
import { ManualRuntime, type MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { MemoryBucket, MemoryObjectStore } from "@headwater/object-store";
import { storePublisher } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { type Recovery, recoverBuffer } from "../src/index.js";
import { Model, Pair } from "./model.js";
import { DIR, HookedFileSystem, IDENTITY, memoryFs, openLog, PAGE_SIZE, ROUNDS, replay, type State, sameState } from "./support.js";
import { Bench, type FileInStore, LAYOUT, readFiles, stateAt } from "./sync-support.js";

const seed = testSeed("crash");

class Died extends Error {}

/** A machine on which a writer runs until its n-th call to a file or the store. */
class Machine {
  readonly files: MemoryFileSystem = memoryFs();
  readonly hooked: HookedFileSystem = new HookedFileSystem(this.files);
  readonly bucket: MemoryBucket = new MemoryBucket();
  readonly runtime: ManualRuntime = new ManualRuntime();
  calls = 0;
  dieAt = Number.POSITIVE_INFINITY;
  #onDeath: () => void = () => undefined;
  readonly death: Promise<void>;

  constructor() {
    this.death = new Promise((resolve) => {
      this.#onDeath = resolve;
    });
    this.hooked.hook = () => this.tick();
  }

  get dead(): boolean {
    return this.calls >= this.dieAt;
  }

  tick(): void {
    this.calls += 1;
    if (!this.dead) return;
    this.#onDeath();
    throw new Died();
  }

  check(): void {
    if (this.dead) throw new Died();
  }
}

interface Run {
  readonly pair: Pair;
  readonly bench: Bench;
  /** The newest commit that sync() said is durable. */
  durable: number;
}

/** A few transactions, with syncs and adoptions between them, the same ones for the same seed. */
async function script(machine: Machine, random: SeededRandom, segmentBytes: number): Promise<Run> {
  const hooks = { before: () => machine.tick(), after: () => machine.tick() };
  const bench = new Bench({
    fs: machine.hooked,
    bucket: machine.bucket,
    hooks,
    runtime: machine.runtime,
    log: { segmentBytes },
    syncIntervalMs: 0,
  });
  const pair = new Pair(bench.log, new Model([]), random);
  pair.afterCall = () => machine.check();
  pair.adoptable = () => bench.syncer.position.sequence;
  const run: Run = { pair, bench, durable: 0 };
  try {
    for (let i = 0; i < 7; i += 1) {
      pair.transaction();
      if (!random.chance(0.5)) continue;
      const { sequence } = pair.model;
      const synced = bench.syncer.sync(sequence);
      synced.catch(() => undefined);
      await Promise.race([synced, machine.death]);
      machine.check();
      run.durable = sequence;
    }
  } catch (error) {
    if (!(error instanceof Died)) throw error;
  }
  void bench.syncer.close().catch(() => undefined);
  return run;
}

async function recover(machine: Machine, files: readonly FileInStore[]): Promise<Recovery> {
  const store = new MemoryObjectStore({ clock: machine.runtime.clock, bucket: machine.bucket });
  const publisher = storePublisher(store, LAYOUT);
  const newest = files[files.length - 1];
  const stored = newest && (await publisher.stored(0, txid(newest.txid), txid(newest.txid)));
  const position = {
    txid: txid(newest?.txid ?? 0n),
    fileChecksum: stored?.trailer.fileChecksum ?? 0n,
    timestampMs: newest?.timestampMs ?? 0,
  };
  return recoverBuffer({
    fs: machine.files,
    dir: DIR,
    publisher,
    identity: IDENTITY,
    pageSize: PAGE_SIZE,
    position,
    runtime: machine.runtime,
  });
}

/** What the next process sees: the commits in the replica, then those in the log. */
async function survive(machine: Machine, run: Run, how: string, atLeast: number, what: string): Promise<void> {
  const files = await readFiles(new MemoryObjectStore({ clock: machine.runtime.clock, bucket: machine.bucket }));
  const recovery = await recover(machine, files);
  // A process that is killed leaves no broken records.
  if (how === "kill") expect(recovery.cut, what).toBeUndefined();
  if (recovery.kind === "setAside") expect.fail(`${what}: set aside: ${recovery.detail}`);
  const candidates = (s: number): readonly State[] => (s === 0 ? [[]] : (run.pair.completed.get(s) ?? []));
  if (recovery.kind === "none") {
    const held = stateAt(files, recovery.replicaTxid);
    for (let s = run.pair.model.sequence + 1; s >= atLeast; s -= 1) if (candidates(s).some((state) => sameState(state, held))) return;
    return expect.fail(`${what}: the replica alone does not hold ${atLeast} commits`);
  }
  const { log, base } = recovery;
  const view = stateAt(files, base.txid);
  const reopened = openLog(machine.files, { recovered: log, base });
  const state = replay(reopened.reader, view, log.baseSequence, log.sequence);
  if (log.sequence < atLeast) expect.fail(`${what}: ${log.sequence} commits are left, at least ${atLeast} were due`);
  if (!candidates(log.sequence).some((candidate) => sameState(candidate, state)))
    expect.fail(`${what}: commit ${log.sequence} is none that was made`);
  const model = new Model(view, log.baseSequence);
  model.states[log.sequence] = state;
  const pair = new Pair(reopened.log, model, new SeededRandom(seed));
  pair.check(true);
  reopened.log.close({ keep: true });
  reopened.reader.close();
  await goOn(machine, recovery, state, what);
}

/** The recovered log takes more commits, and all of it reaches the replica. */
async function goOn(machine: Machine, { log, base }: Recovery & { kind: "resume" }, state: State, what: string): Promise<void> {
  const position = {
    txid: base.txid,
    commit: base.commit,
    timestampMs: base.timestampMs,
    fileChecksum: base.fileChecksum,
    sequence: base.sequence,
  };
  const bench = new Bench({
    fs: machine.files,
    bucket: machine.bucket,
    runtime: machine.runtime,
    position,
    nodeID: 0xbbn,
    log: { recovered: log, base },
  });
  const model = new Model(stateAt(await readFiles(bench.store), base.txid), log.baseSequence);
  model.states[log.sequence] = [...state];
  const pair = new Pair(bench.log, model, new SeededRandom(seed + 1));
  pair.counter = 1000;
  pair.adoptable = () => bench.syncer.position.sequence;
  for (let i = 0; i < 2; i += 1) pair.transaction();
  await bench.syncer.close();
  expect(bench.failures, what).toEqual([]);
  pair.check(true);
  const end = stateAt(await readFiles(bench.store), bench.syncer.position.txid);
  if (!sameState(end, model.newest)) expect.fail(`${what}: the replica differs after recovery`);
  pair.adopt(model.sequence);
  bench.log.close();
  expect(machine.files.list(DIR), what).toEqual([]);
}

describe("a writer that dies at its n-th call", () => {
  for (const how of ["kill", "crash"] as const) {
    const promise = how === "kill" ? "every commit that was published" : "every commit that was made durable, and no gap";
    it(`after a ${how}, the next one has ${promise}`, async () => {
      for (let round = 0; round < 2 * ROUNDS; round += 1) {
        const whole = new Machine();
        const segmentBytes = [1, 1 << 20, 8000][round % 3] ?? 1;
        await script(whole, new SeededRandom(seed + round), segmentBytes);
        expect(whole.calls).toBeGreaterThan(20);
        for (let n = 1; n <= whole.calls; n += 1) {
          const machine = new Machine();
          machine.dieAt = n;
          const random = new SeededRandom(seed + round);
          let run: Run;
          try {
            run = await script(machine, random, segmentBytes);
          } catch (error) {
            if (!machine.dead) throw error;
            continue; // the log was not even created
          }
          if (how === "kill") machine.files.kill();
          else machine.files.crash(new SeededRandom(seed + round + n));
          const { sequence } = run.pair.model;
          const atLeast = how === "kill" ? sequence : Math.max(run.durable, run.pair.syncedSequence);
          await survive(machine, run, how, atLeast, `seed=${seed + round} n=${n} ${how}`);
        }
      }
    });
  }
});
