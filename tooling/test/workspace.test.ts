import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const read = (name: string) => JSON.parse(readFileSync(path.join(root, name), "utf8"));
const manifests = ["packages", "apps"].flatMap((group) => {
  const folders = existsSync(path.join(root, group)) ? readdirSync(path.join(root, group)) : [];
  return folders.map((name) => `${group}/${name}`).filter((folder) => existsSync(path.join(root, folder, "package.json")));
});

describe("the workspace", () => {
  it("publishes exactly the packages that share one version", () => {
    const published = manifests.map((folder) => read(`${folder}/package.json`)).filter((manifest) => manifest.private !== true);
    expect(read(".changeset/config.json").fixed).toEqual([expect.arrayContaining(published.map((manifest) => manifest.name))]);
    expect(read(".changeset/config.json").fixed[0]).toHaveLength(published.length);
    expect(new Set(published.map((manifest) => manifest.version)).size).toBe(1);
  });

  it.each(manifests)("%s has the scripts that turbo runs", (folder) => {
    const { scripts } = read(`${folder}/package.json`);
    expect(scripts).toMatchObject({ build: expect.any(String), typecheck: expect.any(String), test: expect.any(String) });
  });

  it("keeps native and peer packages out of what the demo installs", () => {
    const seen = new Set<string>();
    const visit = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const folder = manifests.find((f) => read(`${f}/package.json`).name === name);
      if (folder === undefined) return;
      const { dependencies, devDependencies, optionalDependencies } = read(`${folder}/package.json`);
      for (const next of Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })) visit(next);
    };
    visit(manifests.includes("apps/example") ? "@headwater/example" : "headwater");
    expect([...seen]).toContain("@headwater/core");
    for (const heavy of ["better-sqlite3", "litestream-vfs", "playwright-core"]) expect([...seen]).not.toContain(heavy);
  });
});
