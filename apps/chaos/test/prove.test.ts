import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CLAIMS } from "../src/claims.js";
import { PROOF_FILE, type Proof } from "../src/proof.js";

const script = fileURLToPath(new URL("../dist/prove.js", import.meta.url));

function prove(...args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

describe("prove", () => {
  it("lists the claims with their full counts", async () => {
    const { code, output } = await prove();
    expect(code).toBe(0);
    for (const { name, rounds, proves } of CLAIMS) {
      expect(output).toContain(`${name}\n  ${rounds} `);
      expect(output).toContain(proves);
    }
  });

  it.each([
    [["no-such-claim"]],
    [["kill-commits", "two-writers"]],
    [["kill-commits", "--rounds", "0"]],
    [["--frobnicate"]],
    [["kill-commits", "--store", "tape"]],
    [["sync-faults", "--store", "file"]],
  ])("refuses %j with status 2", async (args) => {
    const { code, output } = await prove(...args);
    expect(code).toBe(2);
    expect(output).toContain("usage:");
  });

  it("has written proofs of claims that there are, in full", () => {
    const lines = existsSync(PROOF_FILE) ? readFileSync(PROOF_FILE, "utf8").trim().split("\n") : [];
    for (const proof of lines.map((line) => JSON.parse(line) as Proof)) {
      const claim = CLAIMS.find(({ name }) => name === proof.name);
      expect(claim, proof.name).toBeDefined();
      expect(proof.commit).toMatch(/^[0-9a-f]{40}$/);
      expect(Number.isNaN(Date.parse(proof.date))).toBe(false);
    }
  });
});
