import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));

it("the example in the README prints what it says, by the package's name and from its built files", () => {
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${root}README.md`, "utf8"))?.[1] ?? "";
  const expected = [...example.matchAll(/^\/\/ (.*)$/gm)].map((match) => match[1]);
  expect(expected).toHaveLength(2);
  // Within the package's folder, so that its own name and its dependencies resolve.
  const folder = mkdtempSync(`${root}.readme-`);
  try {
    writeFileSync(`${folder}/example.mjs`, example);
    const printed = execFileSync(process.execPath, [`${folder}/example.mjs`], { encoding: "utf8" });
    expect(printed.trimEnd().split("\n")).toEqual(expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
