import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARROWS } from "../arrows/arrows.mjs";
import { checkArrows } from "../arrows/check.mjs";
import { importsOf } from "../arrows/imports.mjs";

describe("the packages of this workspace", () => {
  it("import and declare only what their arrows name", () => {
    expect(checkArrows(path.resolve(import.meta.dirname, "../.."))).toEqual([]);
  });

  it("have arrows that only point down", () => {
    const order = Object.keys(ARROWS).map((folder) => folder.replace(/^.*\//, ""));
    for (const [folder, targets] of Object.entries(ARROWS)) {
      const own = order.indexOf(folder.replace(/^.*\//, ""));
      for (const target of targets) expect(order.indexOf(target.replace("types:", "")), `${folder} -> ${target}`).toBeLessThan(own);
    }
  });
});

describe("importsOf", () => {
  it("finds every way to name a module", () => {
    const text = `
      import a, { type T } from "value";
      import type { B } from "type";
      import { type C, type D } from "types-inside";
      import "effect";
      import e = require("import-equals");
      export { f } from "re-export";
      export type { G } from "type-re-export";
      export * from "star";
      type H = import("import-type").I;
      const j = await import("dynamic");
      const k = await import(\`template\`);
      const l = require("required");
      const m = require.resolve("resolved") + import.meta.resolve("meta-resolved");
      // import n from "comment";
      const o = 'import p from "text"';
    `;
    expect(importsOf(text).map(({ specifier, typeOnly }) => (typeOnly ? `type ${specifier}` : specifier))).toEqual([
      "value",
      "type type",
      "type types-inside",
      "effect",
      "import-equals",
      "re-export",
      "type type-re-export",
      "star",
      "type import-type",
      "dynamic",
      "template",
      "required",
      "resolved",
      "meta-resolved",
    ]);
    expect(importsOf(text)[0]?.line).toBe(2);
  });
});

describe("checkArrows on a workspace with faults", () => {
  const arrows = { "packages/low": [], "packages/mid": ["low"], "packages/typed": ["types:low"], "apps/top": ["mid"] };
  const rules = { arrows, planned: ["apps/top"], portable: ["low", "mid"], machine: ["packages/low/src/machine/**"] };
  let root: string;

  const write = (name: string, content: string | object): void => {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  };
  const pack = (folder: string, more: object = {}): void => {
    const exports = { ".": "./dist/index.js", "./sub": "./dist/sub.js", "./package.json": "./package.json" };
    write(`${folder}/package.json`, { name: `@headwater/${path.basename(folder)}`, exports, ...more });
    write(`${folder}/src/index.ts`, "export const x = 1;");
  };
  const low = { dependencies: { "@headwater/low": "workspace:*" } };

  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), "headwater-arrows-"));
    pack("packages/low");
    pack("packages/mid", low);
    pack("packages/typed", low);
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it("finds none in a good one", () => {
    write("packages/mid/src/index.ts", 'import { x } from "@headwater/low/sub"; import "./other.js"; export { x };');
    write("packages/typed/src/index.ts", 'import type { X } from "@headwater/low"; export type Y = X;');
    write("packages/low/src/machine/file.ts", 'import "node:fs";');
    write(
      "packages/mid/test/a.test.ts",
      'import "node:fs"; import "@headwater/mid"; import "../src/index.js"; import "../../../tooling/s3/x.mjs";',
    );
    expect(checkArrows(root, rules)).toEqual([]);
  });

  it.each([
    ["an import upwards", "packages/low/src/index.ts", 'import "@headwater/mid";', /low\/src\/index.ts:1: no arrow .* @headwater\/mid/],
    ["a type import upwards", "packages/low/src/a.ts", '\nimport type { x } from "@headwater/mid";', /a.ts:2: no arrow/],
    ["an import type upwards", "packages/low/src/a.ts", 'type X = import("@headwater/mid").X;', /no arrow/],
    ["a dynamic import upwards", "packages/low/src/deep/a.ts", 'await import("@headwater/mid");', /deep\/a.ts:1: no arrow/],
    ["a value over an arrow for types", "packages/typed/src/a.ts", 'import { x } from "@headwater/low";', /allows type imports only/],
    ["a deep import by name", "packages/mid/src/a.ts", 'import "@headwater/low/dist/index.js";', /deep import: .* does not export/],
    ["a deep import by path", "packages/mid/src/a.ts", 'import "../../low/src/index.js";', /deep import: .* leaves the package/],
    ["a deep import in a test", "packages/mid/test/a.test.ts", 'import "../../low/src/index.js";', /leaves the package/],
    ["a source that imports a test", "packages/mid/src/a.ts", 'import "../test/a.js";', /leaves src/],
    ["a package that is not there", "packages/mid/src/a.ts", 'import "@headwater/lower";', /no package of this workspace/],
    ["an undeclared dependency", "packages/mid/src/a.ts", 'import "left-pad";', /left-pad is not declared/],
    ["an undeclared scoped one", "packages/mid/src/a.ts", 'import "@scope/left-pad/sub";', /@scope\/left-pad is not declared/],
    ["an undeclared one in a test", "packages/mid/test/a.test.ts", 'import "left-pad";', /left-pad is not declared/],
    ["itself by name", "packages/mid/src/a.ts", 'import "@headwater/mid";', /imports itself/],
    ["Node in a portable package", "packages/mid/src/a.ts", 'await import("node:fs");', /node:fs in a package that runs in a simulation/],
    ["Node without its prefix", "packages/typed/src/a.ts", 'import "fs/promises";', /write node:fs\/promises/],
  ])("finds %s", (_what, file, text, problem) => {
    write(file, text);
    expect(checkArrows(root, rules)).toEqual([expect.stringMatching(problem)]);
  });

  it.each([
    ["a dependency upwards", "low", { dependencies: { "@headwater/mid": "workspace:*" } }, /low\/package.json: dependencies: no arrow/],
    ["a peer dependency upwards", "low", { peerDependencies: { "@headwater/mid": "workspace:*" } }, /no arrow/],
    ["a dependency upwards for tests", "low", { devDependencies: { "@headwater/mid": "workspace:*" } }, /devDependencies: no arrow/],
    ["one of ours by version", "mid", { dependencies: { "@headwater/low": "1.0.0" } }, /expected workspace/],
    ["one of ours that is not there", "mid", { dependencies: { "@headwater/lower": "workspace:*" } }, /no package of this workspace/],
    ["a version range", "mid", { dependencies: { "left-pad": "^1.0.0" } }, /no exact version/],
    ["another name than the folder's", "mid", { name: "middle" }, /name is middle/],
  ])("finds %s in package.json", (_what, name, more, problem) => {
    pack(`packages/${name}`, more);
    expect(checkArrows(root, rules)).toContainEqual(expect.stringMatching(problem));
  });

  it("finds packages without arrows, and arrows without a package", () => {
    pack("packages/unknown");
    rmSync(path.join(root, "packages/typed"), { recursive: true });
    expect(checkArrows(root, rules)).toEqual([
      "packages/unknown: not in tooling/arrows/arrows.mjs",
      "packages/typed: in tooling/arrows/arrows.mjs, and there is no such package",
    ]);
  });
});
