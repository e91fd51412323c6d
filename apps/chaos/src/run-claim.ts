import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SeededRandom } from "@headwater/core/testing";
import { type Backend, type Claim, type Outcome, Violation } from "./claim.js";

export interface RunOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly backends: readonly Backend[];
  log(line: string): void;
}

/** How a run ended. */
export interface Result extends Outcome {
  /** `"held"`, or what was seen instead. */
  readonly result: string;
  readonly seconds: number;
  /** Replica, buffers and logs, where the claim did not hold. */
  readonly evidence?: string;
  readonly error?: unknown;
}

/** Runs a claim in a folder of its own. At the full count, every announced fault must have fired. */
export async function runClaim(claim: Claim, options: RunOptions): Promise<Result> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `headwater-${claim.name}-`));
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  try {
    const outcome = await claim.run({ ...options, folder, random: new SeededRandom(options.seed) });
    checkFaults(outcome, options.rounds >= claim.rounds);
    rmSync(folder, { recursive: true, force: true });
    return { ...outcome, result: "held", seconds: seconds() };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const result = `${error instanceof Violation ? "violated" : "failed"}: ${what}`;
    return { counts: {}, faults: {}, result, seconds: seconds(), evidence: folder, error };
  }
}

/** What never went wrong proves nothing. */
function checkFaults({ faults }: Outcome, full: boolean): void {
  const missing = Object.keys(faults).filter((name) => faults[name] === 0);
  const all = Object.keys(faults).length;
  if (all > 0 && (full ? missing.length > 0 : missing.length === all)) throw new Error(`faults that never fired: ${missing.join("; ")}`);
}
