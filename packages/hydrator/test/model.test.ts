import { HeadwaterError } from "@headwater/core";
import { MemoryFileSystem, SeededRandom, testSeed } from "@headwater/core/testing";
import { type RangeReader, storeRangeReader, type View } from "@headwater/replica";
import { expect, it } from "vitest";
import { Hydrator, LocalCopy, LocalCopyReader } from "../src/index.js";
import { expectSameBytes, fastRuntime, randomPages, TestReplica } from "./support.js";

const PAGE = 512;
const rounds = 60 * Number(process.env["HEADWATER_ROUNDS"] ?? 1);

/** One database under hydration, a connection that reads it at any moment, and every fault that can happen on the way. */
class Scenario {
  readonly random: SeededRandom;
  readonly replica = new TestReplica(PAGE);
  readonly fs = new MemoryFileSystem();
  copy!: LocalCopy; // set by prepare()
  hydrator!: Hydrator; // set by prepare()
  reader!: LocalCopyReader; // set by prepare()
  /** View n is `views[n]`, at the TXID `n`: numbers and TXIDs are the same here. */
  readonly views: View[] = [];
  /** What the connection has adopted. */
  adopted = 0;
  run: Promise<HeadwaterError | undefined> = Promise.resolve(undefined);
  corrupting = false;
  /** TXIDs up to this one are in files that stay: the snapshot, and level 1. */
  compacted = 1;
  checks = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  async prepare(): Promise<void> {
    const pages = 1 + this.random.below(60);
    await this.replica.commit(
      pages,
      randomPages(
        this.random,
        PAGE,
        Array.from({ length: pages }, (_, i) => i + 1),
      ),
    );
    await this.replica.snapshot();
    for (let i = this.random.below(4); i > 0; i -= 1) await this.commit();
    const view = await this.replica.view();
    const first = Number(view.txid);
    this.views[first] = view;
    this.adopted = first;
    this.copy = LocalCopy.create({ fs: this.fs, path: "/copy", pageSize: PAGE, pages: view.commit, viewId: first });
    this.reader = LocalCopyReader.open(this.fs, this.copy.shared);
    this.hydrator = new Hydrator({
      copy: this.copy,
      view,
      viewId: first,
      runtime: fastRuntime(),
      reader: this.slowReader(),
      concurrency: 2,
      replan: (v) => this.replica.view(v.txid),
    });
  }

  /** Lets turns pass, during which the connection reads, and may damage what it brings. */
  slowReader(): RangeReader {
    const inner = storeRangeReader(this.replica.store);
    return {
      read: async (...args) => {
        for (let i = this.random.below(6); i > 0; i -= 1) await this.turn();
        const bytes = (await inner.read(...args)).slice();
        if (this.corrupting) bytes[100 + this.random.below(Math.max(1, bytes.byteLength - 100))]! ^= 1 << this.random.below(8); // at least one byte: ranges are never empty
        return bytes;
      },
    };
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.check();
  }

  /** What the connection at its view may read from the file must be right, whatever is under way. */
  check(): void {
    const view = this.views[this.adopted] as View;
    const applied = this.views[this.reader.appliedView()] as View;
    const held = new Set(view.changedSince(applied) as Uint32Array);
    const state = this.replica.states[this.adopted];
    const into = new Uint8Array(PAGE);
    for (let pgno = 1; pgno <= view.commit && state !== undefined; pgno += 1) {
      if (held.has(pgno) || !this.reader.read(pgno, into, 0)) continue;
      this.checks += 1;
      if (Buffer.compare(into, this.replica.page(state, pgno)) !== 0)
        throw new Error(`wrong content pgno=${pgno} view=${this.adopted} applied=${this.reader.appliedView()}`);
    }
    expect(this.copy.usable).toBe(true);
  }

  async commit(): Promise<void> {
    const before = this.replica.newest.commit;
    const commit = this.random.chance(0.4) ? Math.max(1, before + this.random.below(41) - 20) : before;
    const written = new Set<number>([1]);
    for (let i = this.random.below(8); i > 0; i -= 1) written.add(1 + this.random.below(commit));
    for (let pgno = before + 1; pgno <= commit; pgno += 1) if (this.random.chance(0.7)) written.add(pgno); // holes too
    await this.replica.commit(commit, randomPages(this.random, PAGE, written));
  }

  /** Some level-0 files become one of level 1, and vanish; all of them were seen, as a follower that polls has. */
  async compact(): Promise<void> {
    const seen = this.views.length - 1;
    const count = 1 + this.random.below(3);
    if (seen - this.compacted < count) return;
    await this.replica.compact(this.compacted + 1, this.compacted + count);
    this.compacted += count;
  }

  /** The next view is made, and the connection adopts it; the copy follows later. */
  async follow(): Promise<void> {
    const newest = this.views.length - 1;
    if (newest < this.replica.txid) this.views[newest + 1] = await this.replica.next(this.views[newest] as View);
    this.adopted = this.views.length - 1;
  }

  async advance(): Promise<void> {
    const from = this.reader.appliedView();
    const target = from + this.random.below(this.adopted - from + 1);
    const view = this.views[target] as View;
    const changed = view.changedSince(this.views[from] as View) as Uint32Array;
    const state = this.replica.states[target];
    const share = this.random.pick([0, 0.5, 1]);
    const given = [...changed].filter((pgno) => pgno <= view.commit && this.random.chance(share));
    const pages = given.map((pgno) => ({ pgno, data: state?.pages.get(pgno) ?? new Uint8Array(PAGE) }));
    const done = this.hydrator.advance(target, view, pages);
    if (this.random.chance(0.5)) await this.turn();
    await done;
  }

  demandRead(): void {
    const id = this.random.chance(0.8) ? this.reader.appliedView() : this.adopted;
    const state = this.replica.states[id];
    if (state === undefined || state.commit === 0) return;
    const pgno = 1 + this.random.below(state.commit);
    this.hydrator.pageArrived(id, pgno, this.replica.page(state, pgno));
  }

  start(): void {
    this.run = this.hydrator.start().then(
      () => undefined,
      (error: unknown) => {
        if (HeadwaterError.is(error)) return error as HeadwaterError;
        throw error;
      },
    );
  }

  async step(): Promise<void> {
    const action = this.random.below(14);
    if (action < 3) await this.commit();
    else if (action < 5) await this.follow();
    else if (action < 7) await this.advance();
    else if (action < 9) this.demandRead();
    else if (action === 9) this.start();
    else if (action === 10) {
      if (this.random.chance(0.3)) await this.hydrator.stop();
    } else if (action < 13) await this.compact();
    else if (this.random.chance(0.3)) this.fs.failNext("write", 1 + this.random.below(3));
    for (let i = this.random.below(4); i > 0; i -= 1) await this.turn();
  }

  /** Everything is adopted and given time: the copy must become the database. */
  async finish(): Promise<void> {
    this.corrupting = false;
    await this.hydrator.stop();
    for (let i = 0; i < 3; i += 1) this.touchDisk();
    while (this.views.length - 1 < this.replica.txid) await this.follow();
    this.adopted = this.views.length - 1;
    await this.hydrator.advance(this.adopted, this.views[this.adopted] as View, []);
    await this.hydrator.start();
    this.check();
    expect(this.hydrator.status).toMatchObject({ state: "complete", pages: this.replica.newest.commit });
    const bytes = new Uint8Array(this.fs.stat("/copy")?.size ?? 0);
    this.fs.open("/copy", "r").read(bytes, 0);
    expectSameBytes(bytes, this.replica.restored());
  }

  /** Uses up a planned failure. */
  touchDisk(): void {
    try {
      this.fs.open("/other", "w+").write(Uint8Array.of(1), 0);
    } catch {
      // that was it
    }
  }
}

it("gives a connection only right pages at any moment, and ends as a full restore", async () => {
  const seed = testSeed("hydrator model");
  let checks = 0;
  for (let round = 0; round < rounds; round += 1) {
    const scenario = new Scenario(seed + round);
    try {
      await scenario.prepare();
      for (let step = 0; step < 60; step += 1) await scenario.step();
      await scenario.finish();
    } catch (error) {
      throw new Error(`failed with seed ${seed + round}`, { cause: error });
    }
    checks += scenario.checks;
  }
  expect(checks).toBeGreaterThan(1000 * rounds);
});

it("never calls a copy complete that was read from damaged files", async () => {
  const seed = testSeed("hydrator corruption");
  let failures = 0;
  for (let round = 0; round < rounds; round += 1) {
    const scenario = new Scenario(seed + round);
    await scenario.prepare();
    scenario.corrupting = true;
    scenario.start();
    const failure = await scenario.run;
    expect(failure).toMatchObject({ code: "HYDRATION_FAILED", cause: { code: "LTX_CORRUPT" } });
    failures += 1;
    scenario.check(); // what is there is right all the same: small files are verified before they are used
    await scenario.finish();
  }
  expect(failures).toBe(rounds);
});
