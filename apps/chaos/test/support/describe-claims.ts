import { testSeed } from "@headwater/core/testing";
import { describe, expect, it } from "vitest";
import type { Backend } from "../../src/claim.js";
import { CLAIMS } from "../../src/claims.js";
import { runClaim } from "../../src/run-claim.js";

const seed = testSeed("claims");
const scale = Number(process.env["HEADWATER_ROUNDS"] ?? "1");

/** A sample of each claim that runs on this store: the same code as `npm run prove`, at fewer rounds. */
export function describeClaims(backend: Backend): void {
  describe(`claims: ${backend}`, () => {
    it.each(CLAIMS.filter(({ backends }) => backends.includes(backend)))("$name holds", async (claim) => {
      const rounds = Math.min(claim.rounds, Math.ceil(claim.sample * scale));
      const { result, evidence, error, counts } = await runClaim(claim, { seed, rounds, backends: [backend], log: () => undefined });
      const again = `npm run prove -- ${claim.name} --rounds ${rounds} --seed ${seed}`;
      if (error !== undefined) throw new Error(`${result}; evidence: ${evidence}; the same again: ${again}`, { cause: error });
      expect(result).toBe("held");
      expect(Object.values(counts).some((count) => count > 0)).toBe(true);
    });
  });
}
