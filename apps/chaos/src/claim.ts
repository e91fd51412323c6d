import type { SeededRandom } from "@headwater/core/testing";

/** What a claim is run with. */
export interface ClaimRun {
  readonly seed: number;
  readonly random: SeededRandom;
  /** How much of it: see {@link Claim.unit}. */
  readonly rounds: number;
  /** A folder of this run's own. It stays when the claim does not hold. */
  readonly folder: string;
  /** Where replicas may be. A claim about stores runs its rounds on each. */
  readonly backends: readonly Backend[];
  /** Progress, for people. */
  log(line: string): void;
}

export type Backend = "file" | "s3";

/** What a run did. A claim that does not hold throws a {@link Violation} instead. */
export interface Outcome {
  /** What was done and checked, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** What went wrong on purpose, by name. At the full count none may be 0. */
  readonly faults: Readonly<Record<string, number>>;
}

/** A sentence of the issues or the design that can be shown to be false by running it. */
export interface Claim {
  readonly name: string;
  /** What is true if it holds, in one sentence. */
  readonly proves: string;
  /** The full count. */
  readonly rounds: number;
  /** What is counted. */
  readonly unit: string;
  /** The stores that it is about. */
  readonly backends: readonly Backend[];
  /** Rounds of the sample that `npm test` runs; HEADWATER_ROUNDS scales it. */
  readonly sample: number;
  run(run: ClaimRun): Promise<Outcome>;
}

/** The product did what it must never do. The message says what was seen and what had to be. */
export class Violation extends Error {}

/** @throws {Violation} unless it is so. */
export function mustBe(condition: boolean, otherwise: () => string): asserts condition {
  if (!condition) throw new Violation(otherwise());
}
