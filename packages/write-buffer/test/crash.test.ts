import { txid } from "@headwater/core";
import { ManualRuntime, type MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { MemoryBucket, MemoryObjectStore } from "@headwater/object-store";
import { HookedObjectStore } from "@headwater/object-store/testing";
import { storePublisher } from "@headwater/replica";
import { describe, expect, it } from "vitest";
import { type RecoveredLog, type Recovery, recoverBuffer, type SyncPosition } from "../src/index.js";
import { Model, Pair } from "./model.js";
import { DIR, HookedFileSystem, IDENTITY, memoryFs, openLog, PAGE_SIZE, ROUNDS, replay, type State, sameState } from "./support.js";
import { Bench, type FileInStore, LAYOUT, readFiles, stateAt } from "./sync-support.js";

const seed = testSeed("crash");

class Died extends Error {}

/** A machine on which a writer runs until its n-th call to a file or the store. */
class Machine {
  readonly files: MemoryFileSystem = memoryFs();
  /** The files as the process that lives now has them. */
  hooked: HookedFileSystem = new HookedFileSystem(this.files);
  readonly bucket: MemoryBucket = new MemoryBucket();
  readonly runtime: ManualRuntime = new ManualRuntime();
  #life = 0;
  calls = 0;
  dieAt = Number.POSITIVE_INFINITY;
  #onDeath: () => void = () => undefined;
  death: Promise<void>;

  constructor() {
    this.death = new Promise((resolve) => {
      this.#onDeath = resolve;
    });
    this.hooked.hook = this.ticker();
  }

  /** What every call of the process that lives now makes first: none of a dead one's goes through, however late. */
  ticker(): () => void {
    const life = this.#life;
    return () => {
      if (life !== this.#life) throw new Died();
      this.tick();
    };
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

  /** The process ends, by itself or with the machine. The next one may make calls again. */
  end(how: "kill" | "crash", random: SeededRandom): void {
    if (how === "kill") this.files.kill();
    else this.files.crash(random);
    this.dieAt = Number.POSITIVE_INFINITY;
    this.#life += 1;
    this.hooked = new HookedFileSystem(this.files);
    this.hooked.hook = this.ticker();
    this.death = new Promise((resolve) => {
      this.#onDeath = resolve;
    });
  }
}

interface Run {
  readonly pair: Pick<Pair, "model" | "completed" | "syncedSequence">;
  /** The newest commit that sync() said is durable. */
  durable: number;
}

/** What a process begins with. */
interface Start {
  /** The state that the replica is known to hold, and those of the commits in the log, by sequence. */
  readonly states: readonly State[];
  readonly viewSequence: number;
  readonly sequence: number;
  readonly position: SyncPosition;
  readonly recovered?: RecoveredLog;
}

const NOTHING: Start = { states: [[]], viewSequence: 0, sequence: 0, position: { txid: txid(0n), commit: 0, timestampMs: 0 } };

function modelOf({ states, viewSequence }: Start): Model {
  const model = new Model([], viewSequence);
  for (const [sequence, state] of states.entries()) if (state !== undefined) model.states[sequence] = [...state];
  return model;
}

function benchOf(machine: Machine, start: Start, segmentBytes: number, nodeID: bigint): { bench: Bench; pair: Pair; random: SeededRandom } {
  const tick = machine.ticker();
  const hooks = { before: tick, after: tick };
  const { position, recovered } = start;
  const base = { fileChecksum: 0n, ...position };
  const bench = new Bench({
    ...{ fs: machine.hooked, bucket: machine.bucket, hooks, runtime: machine.runtime, syncIntervalMs: 0, position, nodeID },
    log: { segmentBytes, base, ...(recovered === undefined ? {} : { recovered }) },
  });
  const random = new SeededRandom(seed);
  const pair = new Pair(bench.log, modelOf(start), random);
  pair.completed.set(start.sequence, [pair.model.newest]);
  pair.counter = start.sequence * 1000;
  pair.adoptable = () => bench.syncer.position.sequence;
  return { bench, pair, random };
}

/** A few transactions, with syncs and adoptions between them, the same ones for the same seed. */
async function live(machine: Machine, start: Start, random: SeededRandom, segmentBytes: number): Promise<Run> {
  const { bench, pair: fixed } = benchOf(machine, start, segmentBytes, BigInt(random.nextU32()));
  const pair = new Pair(bench.log, fixed.model, random);
  Object.assign(pair, { counter: fixed.counter, adoptable: fixed.adoptable, afterCall: () => machine.check() });
  for (const [sequence, states] of fixed.completed) pair.completed.set(sequence, states);
  const run: Run = { pair, durable: start.sequence };
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
    // sync() may have told of the death before anything else did.
    if (!machine.dead) throw error;
  }
  void bench.syncer.close().catch(() => undefined);
  return run;
}

function storeOf(machine: Machine): HookedObjectStore {
  const store = new MemoryObjectStore({ clock: machine.runtime.clock, bucket: machine.bucket });
  const tick = machine.ticker();
  return new HookedObjectStore(store, { before: tick, after: tick });
}

async function recover(machine: Machine): Promise<{ recovery: Recovery; files: readonly FileInStore[] }> {
  const files = await readFiles(new MemoryObjectStore({ clock: machine.runtime.clock, bucket: machine.bucket }));
  const publisher = storePublisher(storeOf(machine), LAYOUT);
  const newest = files[files.length - 1];
  const position = { txid: txid(newest?.txid ?? 0n), fileChecksum: newest?.fileChecksum ?? 0n, timestampMs: newest?.timestampMs ?? 0 };
  const { hooked, runtime } = machine;
  const recovery = await recoverBuffer({ fs: hooked, dir: DIR, publisher, identity: IDENTITY, pageSize: PAGE_SIZE, position, runtime });
  return { recovery, files };
}

/** What the next process begins with: the commits in the replica, then those in the log. Checks that they are as promised. */
async function next(machine: Machine, run: Run, killed: boolean, what: string): Promise<Start> {
  const { recovery, files } = await recover(machine);
  const { model, completed, syncedSequence } = run.pair;
  const atLeast = killed ? model.sequence : Math.max(run.durable, syncedSequence);
  // A process that is killed leaves no broken records.
  if (killed) expect(recovery.cut, what).toBeUndefined();
  if (recovery.kind === "setAside") expect.fail(`${what}: set aside: ${recovery.detail}`);
  const made = (s: number, state: State): boolean => (completed.get(s) ?? []).some((candidate) => sameState(candidate, state));
  if (recovery.kind === "none") {
    const view = stateAt(files, recovery.replicaTxid);
    const sequences = Array.from({ length: model.sequence + 2 - atLeast }, (_, i) => atLeast + i);
    if (!sequences.some((s) => made(s, view))) expect.fail(`${what}: the replica alone does not hold ${atLeast} commits`);
    const { timestampMs = 0, fileChecksum = 0n } = files.at(-1) ?? {};
    const position = { txid: recovery.replicaTxid, commit: view.length, timestampMs, fileChecksum };
    return { states: [view], viewSequence: 0, sequence: 0, position };
  }
  const { log, base } = recovery;
  const view = stateAt(files, base.txid);
  const { reader } = openLog(machine.files, { recovered: log, base });
  const states: State[] = [];
  states[log.baseSequence] = view;
  for (let at = log.baseSequence; at < log.sequence; at += 1) states[at + 1] = replay(reader, states[at] ?? [], at, at + 1);
  if (log.sequence < atLeast) expect.fail(`${what}: ${log.sequence} commits are left, at least ${atLeast} were due`);
  if (!made(log.sequence, states[log.sequence] ?? [])) expect.fail(`${what}: commit ${log.sequence} is none that was made`);
  return { states, viewSequence: log.baseSequence, sequence: log.sequence, position: base, recovered: log };
}

/** The next process takes more commits, and all of it reaches the replica. */
async function finish(machine: Machine, start: Start, what: string): Promise<void> {
  const { bench, pair } = benchOf(machine, start, 1 << 20, 0xbbn);
  pair.check(true);
  for (let i = 0; i < 2; i += 1) pair.transaction();
  await bench.syncer.close();
  expect(bench.failures, what).toEqual([]);
  pair.check(true);
  const end = stateAt(await readFiles(bench.store), bench.syncer.position.txid);
  if (!sameState(end, pair.model.newest)) expect.fail(`${what}: the replica differs after recovery`);
  pair.adopt(pair.model.sequence);
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
        await live(whole, NOTHING, new SeededRandom(seed + round), segmentBytes);
        expect(whole.calls).toBeGreaterThan(20);
        for (let n = 1; n <= whole.calls; n += 1) {
          const machine = new Machine();
          machine.dieAt = n;
          const run = await live(machine, NOTHING, new SeededRandom(seed + round), segmentBytes).catch(ifDead(machine));
          if (run === undefined) continue; // the log was not even created
          machine.end(how, new SeededRandom(seed + round + n));
          const what = `seed=${seed + round} n=${n} ${how}`;
          await finish(machine, await next(machine, run, how === "kill", what), what);
        }
      }
    });
  }
});

describe("a writer that dies again and again, in recovery too", () => {
  it("keeps what it promised, from one process to the next", async () => {
    let deaths = 0;
    for (let round = 0; round < 60 * ROUNDS; round += 1) {
      const random = new SeededRandom(seed + 5000 + round);
      const machine = new Machine();
      let start = NOTHING;
      for (let life = 0; life < 5; life += 1) {
        const what = `seed=${seed + 5000 + round} life=${life}`;
        machine.dieAt = machine.calls + 1 + random.below(120);
        const run = await live(machine, start, random, random.pick([1, 8000, 1 << 20])).catch(ifDead(machine));
        let killed = true;
        const end = (): void => {
          const how = random.chance(0.5) ? "kill" : "crash";
          killed &&= how === "kill";
          machine.end(how, random);
          deaths += 1;
        };
        end();
        // A process that dies before it did anything leaves what it found.
        const before: Run | undefined = run ?? idle(start);
        machine.dieAt = machine.calls + 1 + random.below(40);
        const found = await next(machine, before, killed, what).catch(ifDead(machine));
        if (found === undefined) end();
        machine.dieAt = Number.POSITIVE_INFINITY;
        start = found ?? (await next(machine, before, killed, what));
      }
      await finish(machine, start, `seed=${seed + 5000 + round}`);
    }
    expect(deaths).toBeGreaterThan(100);
  });
});

/** A run that did nothing. */
function idle(start: Start): Run {
  const model = modelOf(start);
  return { pair: { model, completed: new Map([[start.sequence, [model.newest]]]), syncedSequence: 0 }, durable: start.sequence };
}

function ifDead(machine: Machine): (error: unknown) => undefined {
  return (error) => {
    if (!machine.dead) throw error;
    return undefined;
  };
}
