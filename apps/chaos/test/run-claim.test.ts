import { existsSync, rmSync } from "node:fs";
import { SeededRandom } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import { type Claim, type ClaimRun, mustBe, type Outcome } from "../src/claim.js";
import { runClaim } from "../src/run-claim.js";

function claim(run: (run: ClaimRun) => Outcome | Promise<Outcome>): Claim {
  const backends = ["file"] as const;
  return { name: "test", proves: "nothing", rounds: 10, unit: "rounds", sample: 1, backends, run: async (given) => run(given) };
}
const options = { seed: 7, backends: ["file"] as const, log: () => undefined };

describe("runClaim", () => {
  it("hands on the seed, removes the folder and reports what was done", async () => {
    let folder = "";
    const result = await runClaim(
      claim((run) => {
        folder = run.folder;
        expect(existsSync(folder)).toBe(true);
        expect(run.random.nextU32()).toBe(new SeededRandom(7).nextU32());
        return { counts: { done: run.rounds }, faults: {} };
      }),
      { ...options, rounds: 3 },
    );
    expect(result).toMatchObject({ result: "held", counts: { done: 3 } });
    expect(existsSync(folder)).toBe(false);
  });

  it("keeps the folder of a claim that does not hold, and says what was seen", async () => {
    const { result, evidence = "" } = await runClaim(
      claim((run) => {
        mustBe(run.rounds > 3, () => "row 5 is gone");
        return { counts: {}, faults: {} };
      }),
      { ...options, rounds: 3 },
    );
    expect(result).toBe("violated: row 5 is gone");
    expect(existsSync(evidence)).toBe(true);
    rmSync(evidence, { recursive: true });
  });

  it.each([
    [10, { a: 1, b: 0 }, "failed: faults that never fired: b"],
    [10, { a: 1, b: 1 }, "held"],
    [3, { a: 1, b: 0 }, "held"],
    [3, { a: 0, b: 0 }, "failed: faults that never fired: a; b"],
  ])("%i rounds with the faults %o: %s", async (rounds, faults, expected) => {
    const { result, evidence } = await runClaim(
      claim(() => ({ counts: {}, faults })),
      { ...options, rounds },
    );
    expect(result).toBe(expected);
    if (evidence !== undefined) rmSync(evidence, { recursive: true });
  });
});
