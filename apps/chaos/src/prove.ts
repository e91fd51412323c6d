import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import type { Backend, Claim } from "./claim.js";
import { CLAIMS } from "./claims.js";
import { backendsHere } from "./places.js";
import { appendProof, PROOF_FILE, proofOf, sourcesNow } from "./proof.js";
import { runClaim } from "./run-claim.js";

const USAGE = "usage: npm run prove -- [NAME] [--rounds N] [--seed S] [--store file|s3]";

// With exit(), since Node 20 has been seen to spin for ever where it tears down sockets that the proxy had reset.
process.exit(await main(process.argv.slice(2)));

/** 0: held; 1: did not; 2: usage. */
async function main(args: readonly string[]): Promise<number> {
  let parsed: Parsed;
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
  return await prove(claim, parsed);
}

interface Parsed {
  readonly name: string | undefined;
  readonly rounds: number | undefined;
  readonly seed: number;
  readonly store: Backend | undefined;
}

function parse(args: readonly string[]): Parsed {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: "string" }, seed: { type: "string" }, store: { type: "string" } },
  });
  if (positionals.length > 1) throw new Error(`one claim at a time: ${positionals.join(" ")}`);
  const rounds = values.rounds === undefined ? undefined : wholeNumber("--rounds", values.rounds, 1);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : wholeNumber("--seed", values.seed, 0);
  const { store } = values;
  if (store !== undefined && store !== "file" && store !== "s3") throw new Error(`--store must be file or s3: ${JSON.stringify(store)}`);
  return { name: positionals[0], rounds, seed, store };
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

async function prove(claim: Claim, { rounds = claim.rounds, seed, store }: Parsed): Promise<number> {
  const here = backendsHere();
  const wanted = claim.backends.filter((backend) => store === undefined || store === backend);
  const backends = wanted.filter((backend) => here.includes(backend));
  if (backends.length === 0) {
    console.error(
      `${claim.name} can't run here: it is about ${claim.backends.join(" and ")}; without HEADWATER_TEST_S3_URL there is no S3\n${USAGE}`,
    );
    return 2;
  }
  const sources = sourcesNow();
  const again = `npm run prove -- ${claim.name} --rounds ${rounds} --seed ${seed}${store === undefined ? "" : ` --store ${store}`}`;
  console.log(`${claim.name}: ${claim.proves}\n${rounds} ${claim.unit}; stores: ${backends.join(", ")}; seed ${seed}`);
  if (backends.length < wanted.length) console.log("without S3, since HEADWATER_TEST_S3_URL is not set (tooling/s3/README.md)");
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
