import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { ARROWS, MACHINE, PLANNED, PORTABLE, packageName } from "./arrows.mjs";
import { importsOf } from "./imports.mjs";

const RULES = { arrows: ARROWS, planned: PLANNED, portable: PORTABLE, machine: MACHINE };
const BUILT_IN = new Set(builtinModules.filter((name) => !name.startsWith("_")));
const DEPENDENCY_KINDS = ["dependencies", "peerDependencies", "optionalDependencies"];

/**
 * Compares every import of every package, and every dependency that it declares, with the arrows.
 *
 * @param {string} root the workspace
 * @param {Partial<typeof RULES>} rules other rules than ours, for tests
 * @returns {string[]} one sentence per violation; empty when all is well
 */
export function checkArrows(root, rules = {}) {
  const all = { ...RULES, ...rules };
  const folders = ["packages", "apps"].flatMap((group) => subfolders(path.join(root, group)).map((name) => `${group}/${name}`));
  const problems = folders.filter((f) => !(f in all.arrows)).map((f) => `${f}: not in tooling/arrows/arrows.mjs`);
  for (const folder of Object.keys(all.arrows)) {
    if (folders.includes(folder)) problems.push(...checkPackage(root, folder, all));
    else if (!all.planned.includes(folder)) problems.push(`${folder}: in tooling/arrows/arrows.mjs, and there is no such package`);
  }
  return problems;
}

function checkPackage(root, folder, rules) {
  const manifest = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
  const workspace = new Map(Object.keys(rules.arrows).map((f) => [packageName(f), f]));
  const context = { root, folder, rules, manifest, workspace };
  const problems = checkManifest(context);
  for (const part of ["src", "test"]) {
    for (const file of sources(path.join(root, folder, part))) {
      const text = readFileSync(file, "utf8");
      const name = path.relative(root, file).split(path.sep).join("/");
      for (const found of importsOf(text, file)) {
        const problem = checkImport(context, { ...found, file, name, inTests: part === "test" });
        if (problem !== undefined) problems.push(`${name}:${found.line}: ${problem}`);
      }
    }
  }
  return problems;
}

/** What package.json declares: within the arrows, of this workspace by name, of the registry by exact version. */
function checkManifest({ folder, rules, manifest, workspace }) {
  const problems = [];
  if (manifest.name !== packageName(folder)) problems.push(`name is ${manifest.name}, expected ${packageName(folder)}`);
  const order = Object.keys(rules.arrows);
  for (const kind of [...DEPENDENCY_KINDS, "devDependencies"]) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      const target = workspace.get(name);
      if (target === undefined) {
        if (isOurs(name) && name !== "@headwater/tooling") problems.push(`${kind}: ${name} is no package of this workspace`);
        else if (kind !== "peerDependencies" && !isOurs(name) && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
          problems.push(`${kind}: ${name}: ${version} is no exact version`);
        continue;
      }
      if (!version.startsWith("workspace:")) problems.push(`${kind}: ${name}: expected workspace:*`);
      const below = order.indexOf(target) < order.indexOf(folder);
      if (kind === "devDependencies" ? !below : arrow(rules, folder, target) === undefined) problems.push(`${kind}: no arrow to ${name}`);
    }
  }
  return problems.map((text) => `${folder}/package.json: ${text}`);
}

function checkImport(context, found) {
  const { specifier } = found;
  if (specifier.startsWith(".")) return checkRelative(context, found);
  if (specifier.startsWith("#")) return undefined;
  if (specifier.startsWith("node:") || BUILT_IN.has(specifier.split("/")[0])) return checkBuiltIn(context, found);
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const target = context.workspace.get(name);
  if (target === undefined && isOurs(name)) return `${name} is no package of this workspace`;
  if (target === undefined) return checkDeclared(context, name, found.inTests);
  return checkWorkspaceImport(context, found, name, target);
}

function checkWorkspaceImport(context, found, name, target) {
  const { root, folder, rules } = context;
  const entry = `.${found.specifier.slice(name.length)}`;
  const manifest = path.join(root, target, "package.json");
  const exported = existsSync(manifest) ? Object.keys(JSON.parse(readFileSync(manifest, "utf8")).exports ?? {}) : [];
  if (!exported.includes(entry)) return `deep import: ${name} does not export "${entry}"`;
  if (target === folder) return found.inTests ? undefined : "imports itself by name";
  if (!found.inTests) {
    const allowed = arrow(rules, folder, target);
    if (allowed === undefined) return `no arrow from ${folder} to ${name}`;
    if (allowed === "types" && !found.typeOnly) return `the arrow from ${folder} to ${name} allows type imports only`;
  }
  return checkDeclared(context, name, found.inTests);
}

function checkRelative({ root, folder }, { file, specifier, inTests }) {
  const target = path
    .relative(path.join(root, folder), path.resolve(path.dirname(file), specifier))
    .split(path.sep)
    .join("/");
  if (inTests && target.startsWith("../../tooling/")) return undefined; // test servers and shared settings
  if (target.startsWith("..")) return `deep import: ${specifier} leaves the package`;
  return inTests || target.startsWith("src/") || target === "package.json" ? undefined : `${specifier} leaves src/`;
}

function checkBuiltIn({ folder, rules }, { specifier, name, inTests }) {
  if (!specifier.startsWith("node:")) return `write node:${specifier}`;
  const portable = rules.portable.some((p) => folder === `packages/${p}`);
  if (inTests || !portable || rules.machine.some((glob) => matches(name, glob))) return undefined;
  return `${specifier} in a package that runs in a simulation too`;
}

function checkDeclared({ manifest }, name, inTests) {
  const kinds = inTests ? [...DEPENDENCY_KINDS, "devDependencies"] : DEPENDENCY_KINDS;
  return kinds.some((kind) => manifest[kind]?.[name] !== undefined) ? undefined : `${name} is not declared in package.json`;
}

/** "all", "types" or undefined. */
function arrow(rules, folder, target) {
  const short = target.replace(/^.*\//, "");
  if (rules.arrows[folder].includes(short)) return "all";
  return rules.arrows[folder].includes(`types:${short}`) ? "types" : undefined;
}

const isOurs = (name) => name === "headwater" || name.startsWith("@headwater/");

/** Globs as in MACHINE: a file, or everything below a folder. */
const matches = (name, glob) => (glob.endsWith("/**") ? name.startsWith(glob.slice(0, -2)) : name === glob);

function sources(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true })
    .map((file) => path.join(dir, String(file)))
    .filter((file) => /\.[cm]?[jt]sx?$/.test(file) && !file.includes(`${path.sep}node_modules${path.sep}`))
    .sort();
}

function subfolders(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).filter((name) => existsSync(path.join(dir, name, "package.json")));
}
