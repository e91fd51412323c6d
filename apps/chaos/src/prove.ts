import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import type { Claim } from "./claim.js";
import { CLAIMS } from "./claims.js";
import { backendsHere } from "./places.js";
import { appendProof, PROOF_FILE, proofOf, sourcesNow } from "./proof.js";
import { runClaim } from "./run-claim.js";

const USAGE = "usage: npm run prove -- [NAME] [--rounds N] [--seed S]";

process.exitCode = await main(process.argv.slice(2));

/** 0: held; 1: did not; 2: usage. */
async function main(args: readonly string[]): Promise<number> {
  let parsed: { name: string | undefined; rounds: number | undefined; seed: number };
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  if (parsed.name === undefined) {
    list();
    return 0;
  }
  const claim = CLAIMS.find(({ name }) => name === parsed.name);
  if (claim === undefined) {
    console.error(`no such claim: ${parsed.name}; there are: ${CLAIMS.map(({ name }) => name).join(", ")}\n${USAGE}`);
    return 2;
  }
  return await prove(claim, parsed.rounds ?? claim.rounds, parsed.seed);
}

function parse(args: readonly string[]): { name: string | undefined; rounds: number | undefined; seed: number } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: "string" }, seed: { type: "string" } },
  });
  if (positionals.length > 1) throw new Error(`one claim at a time: ${positionals.join(" ")}`);
  const rounds = values.rounds === undefined ? undefined : wholeNumber("--rounds", values.rounds, 1);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : wholeNumber("--seed", values.seed, 0);
  return { name: positionals[0], rounds, seed };
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min)
    throw new Error(`${name} must be a whole number from ${min} on: ${JSON.stringify(text)}`);
  return value;
}

function list(): void {
  console.log(`${USAGE}\n`);
  for (const { name, rounds, unit, proves } of CLAIMS) console.log(`${name}\n  ${rounds} ${unit}\n  ${proves}\n`);
}

async function prove(claim: Claim, rounds: number, seed: number): Promise<number> {
  const here = backendsHere();
  const backends = claim.backends.filter((backend) => here.includes(backend));
  const sources = sourcesNow();
  const again = `npm run prove -- ${claim.name} --rounds ${rounds} --seed ${seed}`;
  console.log(`${claim.name}: ${claim.proves}\n${rounds} ${claim.unit}; stores: ${backends.join(", ")}; seed ${seed}`);
  if (backends.length < claim.backends.length) console.log("without S3, since HEADWATER_TEST_S3_URL is not set (tooling/s3/README.md)");
  const result = await runClaim(claim, { seed, rounds, backends, log: (line) => console.log(`  ${line}`) });
  const proof = { ...proofOf(claim, { seed, rounds, backends }, result), ...sources };
  console.log(JSON.stringify(proof, null, 2));
  if (rounds >= claim.rounds) {
    appendProof(proof);
    console.log(`appended to ${PROOF_FILE}`);
  } else console.log(`not appended to the proofs: the full count is ${claim.rounds}`);
  if (result.error !== undefined) console.error(result.error);
  if (result.evidence !== undefined) console.error(`evidence: ${result.evidence}`);
  console.log(`${result.result === "held" ? "held" : "DID NOT HOLD"}; the same again: ${again}`);
  return result.result === "held" ? 0 : 1;
}
