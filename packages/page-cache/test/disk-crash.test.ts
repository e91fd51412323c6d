import { SeededRandom, testSeed } from "@headwater/core/testing";
import { expect, it } from "vitest";
import type { DiskTier } from "../src/index.js";
import { contentOf, Disk, MIB } from "./support/disk.js";

const seed = testSeed("disk-crash");
const rounds = 20 * Number(process.env["HEADWATER_ROUNDS"] ?? "1");
const MAX_BYTES = MIB + 300_000;

/** Up to three processes on one path: each with a store of its own or the same one, any of which may die. */
class Processes {
  readonly disk: Disk = new Disk();
  readonly random: SeededRandom;
  #alive: { readonly tier: DiskTier; readonly store: string }[] = [];
  /** What was put of late: most lookups are for a part of it. */
  #recent: { readonly file: string; readonly start: number; readonly end: number }[] = [];
  hits = 0;
  lookups = 0;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  async step(): Promise<void> {
    const { random, disk } = this;
    const action = random.below(40);
    if (action === 0) this.#die(() => disk.fs.crash(random));
    else if (action === 1) this.#die(() => disk.fs.kill());
    else if (action === 2) disk.fs.failNext(random.chance(0.5) ? "write" : "any", 1 + random.below(10));
    else if (action === 3) disk.runtime.jump(random.below(2) === 0 ? -5000 : 700_000);
    else if (action === 4) await this.#alive.splice(random.below(3), 1)[0]?.tier.close();
    else {
      const { tier, store } = await this.#some();
      const { file, start, end } = random.chance(0.6) ? this.#lately() : this.#anyRange();
      const content = contentOf(store + file);
      if (random.chance(0.4)) tier.put(file, start, content.subarray(start, end));
      else await this.#lookup(tier, file, start, end, content);
      if (random.chance(0.5)) await tier.written();
      if (random.chance(0.01)) tier.forget(file);
    }
  }

  #anyRange(): { readonly file: string; readonly start: number; readonly end: number } {
    const { random } = this;
    const start = random.below(MIB - 1);
    const end = Math.min(MIB, start + 1 + random.below(random.chance(0.8) ? 60_000 : 400_000));
    const range = { file: `f${random.below(12)}`, start, end };
    this.#recent = [range, ...this.#recent.slice(0, 9)];
    return range;
  }

  #lately(): { readonly file: string; readonly start: number; readonly end: number } {
    const { random } = this;
    const range = this.#recent[random.below(this.#recent.length)] ?? this.#anyRange();
    const start = range.start + random.below(range.end - range.start);
    return { file: range.file, start, end: start + 1 + random.below(range.end - start) };
  }

  async #lookup(tier: DiskTier, file: string, start: number, end: number, content: Uint8Array): Promise<void> {
    const bytes = await tier.read(file, start, end);
    this.lookups += 1;
    if (bytes === undefined) return;
    this.hits += 1;
    expect(Buffer.compare(bytes, content.subarray(start, end))).toBe(0);
  }

  #die(how: () => void): void {
    how();
    this.#alive = [];
  }

  async #some(): Promise<{ readonly tier: DiskTier; readonly store: string }> {
    const n = this.random.below(3);
    const known = this.#alive[n];
    if (known !== undefined) return known;
    const store = this.random.chance(0.7) ? "one" : "two";
    const opened = { tier: await this.disk.tier({ maxBytes: MAX_BYTES, store }), store };
    this.#alive.push(opened);
    return opened;
  }

  async end(): Promise<void> {
    for (const { tier } of this.#alive) await tier.close();
  }
}

it("a lookup gives the exact bytes or nothing, whoever crashed, died or failed before, and the bound holds", async () => {
  let [hits, lookups] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const processes = new Processes(new SeededRandom(seed + round));
    for (let n = 0; n < 150; n += 1) await processes.step();
    await processes.end();
    // Others' growth is seen at the next look: what each of the other two writes in one segment at most.
    expect(processes.disk.bytes(), `round ${round}`).toBeLessThanOrEqual(MAX_BYTES + 2 * (MAX_BYTES / 16));
    hits += processes.hits;
    lookups += processes.lookups;
  }
  // It is a cache, so most of what was kept is found again.
  expect(hits).toBeGreaterThan(lookups / 20);
});
