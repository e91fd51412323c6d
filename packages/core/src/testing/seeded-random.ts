import type { Random } from "../runtime.js";

/** A small, fast, seeded generator (mulberry32). For tests and simulations, never for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  nextU32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A uniform integer in `0 .. bound-1`. */
  below(bound: number): number {
    return Math.floor((this.nextU32() / 2 ** 32) * bound);
  }

  chance(probability: number): boolean {
    return this.nextU32() / 2 ** 32 < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) out[i] = this.nextU32();
    return out;
  }
}

/**
 * The seed of a test run: `HEADWATER_SEED`, which the shared test settings choose and print once, else one from the
 * clock, printed here, so that a failure can be replayed.
 */
export function testSeed(name: string): number {
  const given = process.env["HEADWATER_SEED"];
  if (given !== undefined) return Number(BigInt(given));
  const seed = Number(process.hrtime.bigint() & 0xffffffffn);
  console.log(`${name}: HEADWATER_SEED=${seed}`);
  return seed;
}
