import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { examplesIn, runExamples } from "../readme/examples.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const packages = readdirSync(path.join(root, "packages")).filter((name) => existsSync(path.join(root, "packages", name, "README.md")));

describe("the README", () => {
  it.each(packages)("of %s has examples that run", async (name) => {
    expect(await runExamples(path.join(root, "packages", name))).toEqual([]);
  });
});

describe("runExamples", () => {
  it("finds the examples, and says where one fails", async () => {
    const markdown =
      "# x\n\n```ts\nconst a: number = 1;\nif (a !== 1) throw a;\n```\n\n```sh\nexit 1\n```\n\n```ts\nthrow new Error('wrong');\n```\n\n```ts no-run\nnope\n```\n";
    expect(examplesIn(markdown).map(({ line, runs }) => [line, runs])).toEqual([
      [3, true],
      [12, true],
      [16, false],
    ]);
    const dir = mkdtempSync(path.join(os.tmpdir(), "headwater-readme-"));
    writeFileSync(path.join(dir, "README.md"), markdown);
    expect(await runExamples(dir)).toEqual([expect.stringMatching(/^README\.md:12: the example fails .*wrong/s)]);
    rmSync(dir, { recursive: true });
  });
});
