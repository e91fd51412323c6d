import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import type { Backend, Claim } from "./claim.js";
import type { Result } from "./run-claim.js";

/** One line a run at the full count. The same from `src` and from `dist`. */
export const PROOF_FILE: string = fileURLToPath(new URL("../proof.jsonl", import.meta.url));

/** What a line says. */
export interface Proof {
  readonly name: string;
  readonly seed: number;
  readonly rounds: number;
  readonly backends: readonly Backend[];
  readonly commit: string;
  /** True if the sources were not just that commit's. */
  readonly dirty: boolean;
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly node: string; readonly os: string };
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly result: string;
}

/** The state of the sources, taken before a run: they may change while it lasts. */
export function sourcesNow(): Pick<Proof, "commit" | "dirty"> {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: fileURLToPath(new URL(".", import.meta.url)), encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=normal", ":/", ":(exclude,top)apps/chaos/proof.jsonl");
  return { commit: git("rev-parse", "HEAD"), dirty: changed !== "" };
}

export function proofOf(
  claim: Claim,
  run: { seed: number; rounds: number; backends: readonly Backend[] },
  result: Result,
): Omit<Proof, "commit" | "dirty"> {
  const cpus = os.cpus();
  return {
    name: claim.name,
    seed: run.seed,
    rounds: run.rounds,
    backends: run.backends,
    date: new Date().toISOString(),
    machine: {
      cpu: `${cpus.length} x ${cpus[0]?.model ?? "unknown"}`,
      node: process.version,
      os: `${os.type()} ${os.release()} ${os.arch()}`,
    },
    counts: result.counts,
    faults: result.faults,
    seconds: result.seconds,
    result: result.result,
  };
}

export function appendProof(proof: Proof): void {
  appendFileSync(PROOF_FILE, `${JSON.stringify(proof)}\n`);
}
