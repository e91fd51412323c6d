import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { importsOf } from "../arrows/imports.mjs";

const ALLOWED = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|NOTICE|THIRD_PARTY\.md|(dist|src)\/.+)$/;
const FORBIDDEN = /(^|\/)(test|testdata|\.reports|\.turbo)\/|\.(test|spec)\.|\.tsbuildinfo$|\.log$/;

/**
 * Compares what a packed package holds with what its package.json promises, in both directions.
 *
 * @param {string} dir the unpacked tarball
 * @returns {string[]} one sentence per problem
 */
export function checkContents(dir) {
  const manifest = JSON.parse(readFileSync(path.join(dir, "package.json"), "utf8"));
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => slashes(path.relative(dir, path.join(entry.parentPath ?? entry.path, entry.name))))
    .sort();
  return [
    ...["README.md", "LICENSE"].filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => !ALLOWED.test(file) || FORBIDDEN.test(file)).map((file) => `${file} should not be in it`),
    ...checkManifest(manifest),
    ...checkExports(dir, manifest, files),
  ];
}

function checkManifest(manifest) {
  const wanted = { type: "module", license: "Apache-2.0", sideEffects: false };
  const problems = Object.entries(wanted)
    .filter(([field, value]) => manifest[field] !== value)
    .map(([field, value]) => `package.json: ${field} should be ${JSON.stringify(value)}`);
  if (!manifest.description) problems.push("package.json: description is missing");
  if (manifest.engines?.node !== ">=20.19") problems.push("package.json: engines.node should be >=20.19");
  if (manifest.publishConfig?.access !== "public") problems.push("package.json: publishConfig.access should be public");
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"]) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {}))
      if (/^(workspace|file|link|catalog):/.test(version)) problems.push(`package.json: ${kind}: ${name} is ${version}`);
  }
  return problems;
}

/** Every exported path is there, and every built file belongs to one: exported, or loaded by one that is. */
function checkExports(dir, manifest, files) {
  const problems = [];
  const entries = [...Object.entries(manifest.exports ?? {}), ...Object.entries(binaries(manifest))];
  if (manifest.exports?.["."] === undefined) problems.push('package.json: exports lacks "."');
  if (manifest.exports?.["./package.json"] === undefined) problems.push('package.json: exports lacks "./package.json"');
  const reached = new Set();
  for (const [name, target] of entries) {
    if (/[*]/.test(name)) problems.push(`export "${name}": patterns hide what is public`);
    for (const file of targets(target)) {
      if (files.includes(file)) reach(dir, file, files, reached);
      else problems.push(`export "${name}": ${file} is not in the package`);
    }
    if (typeof target === "object" && target.types === undefined) problems.push(`export "${name}" has no types`);
    if (typeof target === "object" && Object.keys(target)[0] !== "types") problems.push(`export "${name}": types must come first`);
  }
  for (const file of files.filter((name) => name.startsWith("dist/") && !reached.has(name))) {
    const code = file.replace(/\.map$/, "");
    if (!reached.has(code)) problems.push(`${file} is built, and nothing that is exported loads it`);
  }
  return problems;
}

const binaries = ({ name, bin }) => (typeof bin === "string" ? { [`bin ${name}`]: bin } : (bin ?? {}));

function targets(target) {
  const paths = typeof target === "string" ? [target] : Object.values(target).flatMap(targets);
  return paths.map((file) => file.replace(/^\.\//, ""));
}

/** Follows relative imports and `new URL("...", import.meta.url)` from an exported file. */
function reach(dir, file, files, reached) {
  if (reached.has(file)) return;
  reached.add(file);
  if (!/\.[cm]?[jt]s$/.test(file)) return;
  const text = readFileSync(path.join(dir, file), "utf8");
  const urls = [...text.matchAll(/new URL\(\s*["'`](\.[^"'`]+)["'`]\s*,\s*import\.meta\.url/g)].map((match) => match[1]);
  for (const specifier of [...importsOf(text, file).map((found) => found.specifier), ...urls]) {
    if (!specifier.startsWith(".")) continue;
    const target = slashes(path.posix.join(path.posix.dirname(file), specifier));
    const declaration = target.replace(/\.js$/, ".d.ts");
    const next = file.endsWith(".d.ts") && files.includes(declaration) ? declaration : target;
    if (existsSync(path.join(dir, next))) reach(dir, next, files, reached);
  }
}

const slashes = (file) => file.split(path.sep).join("/");
