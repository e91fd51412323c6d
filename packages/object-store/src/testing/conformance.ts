import type { ObjectStore } from "../port.js";
import { callChecks } from "./checks/calls.js";
import type { ConformanceCheck, Supports } from "./checks/check.js";
import { listingChecks } from "./checks/listing.js";
import { readingChecks } from "./checks/reading.js";
import { writingChecks } from "./checks/writing.js";

/** Everything that a store must do, each as a check of its own. */
export const conformanceChecks: readonly ConformanceCheck[] = [...readingChecks, ...writingChecks, ...listingChecks, ...callChecks];

/** A store under test and how to put it away. */
export interface ConformanceFixture {
  readonly store: ObjectStore;
  dispose(): Promise<void>;
}

export interface ConformanceProfile {
  readonly name: string;
  readonly supports: Supports;
  /** Called for each check; must give an empty key space of its own. */
  create(): Promise<ConformanceFixture>;
}

/** What of a test framework is needed; vitest's own `describe` and `it` fit. */
export interface TestFramework {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
}

/** Runs one check on a fresh store. */
export async function runCheck(check: ConformanceCheck, profile: ConformanceProfile): Promise<void> {
  const fixture = await profile.create();
  try {
    await check.run(fixture.store, profile.supports);
  } finally {
    await fixture.dispose();
  }
}

/** Makes one test of each check: `describeObjectStore(profile, { describe, it })`. */
export function describeObjectStore(profile: ConformanceProfile, { describe, it }: TestFramework): void {
  describe(`ObjectStore: ${profile.name}`, () => {
    for (const check of conformanceChecks) it(check.name, () => runCheck(check, profile));
  });
}
