import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConsumer } from "../packages/consumer.mjs";
import { checkContents } from "../packages/contents.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), "headwater-contents-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const MANIFEST = {
  name: "good",
  version: "1.0.0",
  description: "A good one",
  type: "module",
  license: "Apache-2.0",
  sideEffects: false,
  engines: { node: ">=20.19" },
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
  publishConfig: { access: "public" },
};
const FILES = {
  "README.md": "",
  LICENSE: "",
  "src/index.ts": "",
  "dist/index.js": 'import { a } from "./chunk.js"; new URL("./worker.js", import.meta.url); export const b = a;',
  "dist/index.js.map": "",
  "dist/chunk.js": "export const a = 1;",
  "dist/worker.js": "",
  "dist/index.d.ts": 'import { A } from "./types.js"; export declare const b: A;',
  "dist/types.d.ts": "export type A = number;",
};

function write(dir: string, manifest: object, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files })) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), text);
  }
}

describe("checkContents", () => {
  it("finds nothing in a good package", () => {
    write(root, MANIFEST, FILES);
    expect(checkContents(root)).toEqual([]);
  });

  it.each(["README.md", "LICENSE"])("misses %s", (name) => {
    write(root, MANIFEST, FILES);
    rmSync(path.join(root, name));
    expect(checkContents(root)).toEqual([`${name} is missing`]);
  });

  it.each(["test/a.ts", "src/a.test.ts", "tsconfig.json", "dist/x.tsbuildinfo"])("finds %s too much", (name) => {
    write(root, MANIFEST, { ...FILES, [name]: "" });
    expect(checkContents(root)).toContain(`${name} should not be in it`);
  });

  it.each(["dist/index.js", "dist/index.d.ts"])("finds an export without its file, %s", (name) => {
    write(root, MANIFEST, FILES);
    rmSync(path.join(root, name));
    expect(checkContents(root)).toContain(`export ".": ${name} is not in the package`);
  });

  it.each(["dist/extra.js", "dist/extra.d.ts", "dist/extra.js.map"])("finds a built file that nothing loads, %s", (name) => {
    write(root, MANIFEST, { ...FILES, [name]: "" });
    expect(checkContents(root)).toEqual([`${name} is built, and nothing that is exported loads it`]);
  });

  it("checks what package.json says", () => {
    const { description: _, ...manifest } = MANIFEST;
    const exports = { ".": { default: "./dist/index.js", types: "./dist/index.d.ts" }, "./*": "./dist/*.js" };
    write(root, { ...manifest, license: "MIT", exports, dependencies: { a: "workspace:*", b: "1.0.0" } }, FILES);
    expect(checkContents(root)).toEqual([
      'package.json: license should be "Apache-2.0"',
      "package.json: description is missing",
      "package.json: dependencies: a is workspace:*",
      'package.json: exports lacks "./package.json"',
      'export ".": types must come first',
      'export "./*": patterns hide what is public',
      'export "./*": dist/*.js is not in the package',
    ]);
  });
});

describe("checkConsumer", () => {
  it("loads each entry by its name, and says which can't be", async () => {
    const bad = { ...MANIFEST, name: "bad", exports: { ".": MANIFEST.exports["."] }, dependencies: { good: "1.0.0" } };
    const packages = [
      { manifest: MANIFEST, files: FILES },
      {
        manifest: bad,
        files: {
          "dist/index.js": 'import "good"; import "left-pad"; export const c = 1;',
          "dist/index.d.ts": 'import type { A } from "./missing.js"; export declare const c: A;',
        },
      },
    ].map(({ manifest, files }) => {
      write(path.join(root, manifest.name, "package"), manifest, files);
      const tarball = path.join(root, `${manifest.name}.tgz`);
      execFileSync("tar", ["-czf", tarball, "-C", path.join(root, manifest.name), "package"]);
      return { name: manifest.name, tarball, manifest };
    });
    const folder = path.join(root, "consumer");
    mkdirSync(folder);
    const results = Object.fromEntries((await checkConsumer(folder, packages)).map(({ name, problems }) => [name, problems.join("\n")]));
    expect(results["good"]).toBe("");
    expect(results["bad"]).toMatch(/import fails:.*left-pad.*require\(\) fails:/s);
    expect(results["types"]).toMatch(/types do not resolve:.*missing\.js/s);
  });
});
