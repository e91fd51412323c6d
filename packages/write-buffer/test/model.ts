import type { SeededRandom } from "@headwater/core/testing";
import { expect } from "vitest";
import type { CommitLog } from "../src/index.js";
import { PAGE_SIZE, pageOf, pageOne, type State, same, zeroPage } from "./support.js";

/**
 * What a database file is, the plain way: an array of pages. Each transaction works on a copy; publishing replaces the
 * original, everything else throws the copy away.
 */
export class Model {
  /** States by sequence. */
  readonly states: Uint8Array[][];
  /** What the view holds. */
  viewSequence: number;
  file: Uint8Array[] | undefined;
  wroteOne = false;
  mark: number | undefined;
  doomed = false;

  constructor(state: State, sequence = 0) {
    this.states = [];
    this.states[sequence] = [...state];
    this.viewSequence = sequence;
  }

  get sequence(): number {
    return this.states.length - 1;
  }
  get newest(): Uint8Array[] {
    return this.states[this.sequence] ?? [];
  }
  get view(): Uint8Array[] {
    return this.states[this.viewSequence] ?? [];
  }
  get current(): Uint8Array[] {
    return this.file ?? this.newest;
  }

  write(pgno: number, page: Uint8Array): void {
    if (this.doomed) return;
    if (this.mark !== undefined) {
      this.doom();
      return;
    }
    this.file ??= [...this.newest];
    while (this.file.length < pgno) this.file.push(zeroPage());
    this.file[pgno - 1] = page.slice();
    if (pgno === 1) this.wroteOne = true;
  }

  truncate(size: number): void {
    if (this.doomed) return;
    if (this.mark !== undefined && size !== this.mark) {
      this.doom();
      return;
    }
    this.file ??= [...this.newest];
    this.file.length = Math.min(size, this.file.length);
    while (this.file.length < size) this.file.push(zeroPage());
    if (size === 0) this.wroteOne = false;
  }

  /** What completing the record now would commit. */
  get outcome(): State | undefined {
    if (this.doomed || this.file === undefined || this.mark !== undefined) return undefined;
    const one = this.file[0];
    const view = one && new DataView(one.buffer, one.byteOffset);
    const vouched = this.wroteOne && view !== undefined && view.getUint32(24) === view.getUint32(92) && view.getUint32(28) !== 0;
    return this.file.slice(0, vouched ? view.getUint32(28) : this.file.length);
  }

  complete(): void {
    this.mark = this.outcome?.length ?? this.mark;
  }

  doom(): void {
    this.end();
    this.doomed = true;
  }

  publish(): number | undefined {
    if (this.doomed || this.file === undefined || this.mark === undefined) return undefined;
    this.states.push(this.file.slice(0, this.mark));
    this.end();
    return this.sequence;
  }

  end(): void {
    this.file = undefined;
    this.wroteOne = false;
    this.mark = undefined;
    this.doomed = false;
  }
}

/** A log and its model, driven by the same calls. */
export class Pair {
  readonly model: Model;
  log: CommitLog;
  readonly random: SeededRandom;
  /** Errors that the log threw. */
  errors = 0;
  counter = 1;
  /** The newest commit that xSync made durable. */
  syncedSequence = 0;
  /** Every state that was completed under a sequence, published or not: a crash may bring any of them back, whole. */
  readonly completed: Map<number, State[]> = new Map();
  /** Called after every call; may throw to end the script there. */
  afterCall: () => void = () => undefined;

  constructor(log: CommitLog, model: Model, random: SeededRandom) {
    this.log = log;
    this.model = model;
    this.random = random;
  }

  /** Runs one call on both. An error dooms the transaction. */
  call(onLog: () => void, onModel: () => void): boolean {
    try {
      onLog();
    } catch (error) {
      if (!(error instanceof Error) || !("isHeadwaterError" in error)) throw error;
      this.errors += 1;
      this.model.doom();
      this.afterCall();
      return false;
    }
    onModel();
    this.afterCall();
    return true;
  }

  write(pgno: number, page: Uint8Array): boolean {
    return this.call(
      () => this.log.write(pgno, page),
      () => this.model.write(pgno, page),
    );
  }

  truncate(size: number): boolean {
    return this.call(
      () => this.log.truncate(size),
      () => this.model.truncate(size),
    );
  }

  complete(): boolean {
    const { sequence, outcome } = this.model;
    if (outcome !== undefined) this.completed.set(sequence + 1, [...(this.completed.get(sequence + 1) ?? []), outcome]);
    return this.call(
      () => this.log.completeRecord(),
      () => this.model.complete(),
    );
  }

  sync(durable: boolean): boolean {
    return this.call(
      () => this.log.sync(durable),
      () => undefined,
    );
  }

  publish(durable = false): void {
    const sequence = this.log.publish();
    expect(sequence).toBe(this.model.publish());
    if (durable && sequence !== undefined) this.syncedSequence = sequence;
  }

  unlock(): void {
    this.log.unlock();
    this.model.end();
    this.afterCall();
  }

  adopt(sequence: number): number[] {
    this.model.viewSequence = sequence;
    const pgnos = [...this.log.adopt(sequence).pgnos];
    this.afterCall();
    return pgnos;
  }

  /** The newest commit that a view holds already. */
  adoptable: () => number = () => this.model.sequence;

  maybeAdopt(): void {
    const { viewSequence } = this.model;
    const sequence = this.adoptable();
    if (sequence > viewSequence && this.random.chance(0.1)) this.adopt(viewSequence + 1 + this.random.below(sequence - viewSequence));
  }

  /** Some pages, or all, read as the model says; and the size. */
  check(all = false): void {
    const expected = this.model.current;
    expect(this.log.sizePages(this.model.view.length)).toBe(expected.length);
    const top = Math.max(expected.length, this.model.view.length, this.model.newest.length) + 2;
    const pgnos = all ? Array.from({ length: top }, (_, i) => i + 1) : [1, 1 + this.random.below(top), 1 + this.random.below(top)];
    for (const pgno of pgnos) {
      const from = this.random.below(PAGE_SIZE);
      const into = new Uint8Array(all ? PAGE_SIZE : PAGE_SIZE - from).fill(0xee);
      const source = this.log.read(pgno, into, PAGE_SIZE - into.byteLength);
      if (source === "view") into.set((this.model.view[pgno - 1] ?? zeroPage()).subarray(PAGE_SIZE - into.byteLength));
      const want = (expected[pgno - 1] ?? zeroPage()).subarray(PAGE_SIZE - into.byteLength);
      // What lies above the database's end is never asked for by SQLite, and a view may still have it.
      if (pgno > expected.length && source === "view") continue;
      if (!same(into, want)) expect.fail(`page ${pgno} from ${source} differs; size ${expected.length}`);
    }
  }

  /** One transaction: random changes, then one of the ways in which SQLite ends one. */
  transaction(): void {
    const { random } = this;
    const before = [...this.model.newest];
    const changes = random.below(12);
    for (let i = 0; i < changes; i += 1) this.change();
    const ending = random.below(10);
    if (ending < 6 || changes === 0) this.commit(random.chance(0.4));
    else if (ending < 7)
      this.unlock(); // nothing was spilled, so SQLite just lets go
    else if (ending < 9) this.rollback(before, false);
    else this.rollback(before, true);
    this.unlock();
    this.check();
  }

  change(): void {
    const { random } = this;
    const size = this.model.current.length;
    const roll = random.below(20);
    if (roll === 0) this.truncate(random.below(size + 3));
    else if (roll === 1 && this.model.file !== undefined)
      this.write(1, pageOf(random.nextU32())); // counters that do not agree
    else if (roll < 12) this.write(1 + random.below(size + 1), pageOf(random.nextU32()));
    else this.write(1 + random.below(size + 6), pageOf(random.nextU32()));
    this.maybeAdopt();
    if (random.chance(0.3)) this.check();
  }

  /** VACUUM's order: page 1 already has the size after the truncation that comes between xSync and COMMIT_PHASETWO. */
  commit(durable: boolean): void {
    const { random } = this;
    const size = this.model.current.length;
    const target = Math.max(1, random.chance(0.3) ? random.below(size + 1) : size + random.below(4));
    this.counter += 1;
    if (random.chance(0.95)) this.write(1, pageOne(this.counter, target));
    if (this.model.wroteOne && target > this.model.current.length) this.write(target, zeroPage());
    this.complete();
    this.maybeAdopt();
    this.check();
    this.sync(durable);
    const { mark } = this.model;
    if (mark !== undefined && (mark < this.model.current.length || random.chance(0.2))) this.truncate(mark);
    this.check();
    this.publish(durable);
    this.check();
  }

  /** A rollback after a spill, before the mark or after it: it plays the journal back, and ends with its own FCNTL_SYNC. */
  rollback(before: State, afterMark: boolean): void {
    const { random } = this;
    if (afterMark) {
      this.complete();
      if (random.chance(0.5)) this.sync(true);
    }
    this.truncate(before.length);
    before.forEach((page, i) => {
      if (random.chance(0.7) || !same(page, this.model.current[i] ?? zeroPage())) this.write(i + 1, page);
      if (random.chance(0.1)) this.check();
    });
    this.maybeAdopt();
    this.complete();
    this.sync(random.chance(0.5));
    this.check();
  }
}
