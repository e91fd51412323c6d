import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { run } from "./processes.mjs";

const require = createRequire(import.meta.url);
const VITEST = require("vitest/package.json").version;

/**
 * Installs packed packages into an empty folder, as a user would, and loads every entry of each by its name: in Node,
 * one process a package, and in the type checker.
 *
 * @param {string} dir an empty folder outside of the workspace
 * @param {{ name: string, tarball: string, manifest: any }[]} packages
 * @returns {Promise<{ name: string, problems: string[] }[]>}
 */
export async function checkConsumer(dir, packages) {
  await install(dir, packages);
  const results = [];
  for (const { name, manifest } of packages) {
    const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json");
    results.push({ name, problems: await load(dir, name, entries) });
  }
  results.push({ name: "types", problems: await checkTypes(dir, packages) });
  return results;
}

async function install(dir, packages) {
  const local = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]));
  // Peers are the user's to bring; the test suites that we publish need vitest.
  const dependencies = { ...local, vitest: VITEST };
  const manifest = { name: "consumer", version: "0.0.0", private: true, type: "module", dependencies };
  writeFileSync(path.join(dir, "package.json"), JSON.stringify(manifest, null, 2));
  // JSON is YAML. Without the overrides, what one of ours needs of another would be looked for in the registry.
  writeFileSync(path.join(dir, "pnpm-workspace.yaml"), JSON.stringify({ packages: ["."], overrides: local, pmOnFail: "ignore" }, null, 2));
  const { status, output } = await run("pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile", "--ignore-scripts"], { cwd: dir });
  if (status !== 0) throw new Error(`the packed packages can't be installed:\n${output}`);
}

async function load(dir, name, entries) {
  const problems = [];
  const script = entries
    .map((entry) => name + entry.slice(1))
    // A worker's entry runs at once, and only as a worker: it is enough that it is found.
    .map((id) => (id.endsWith("-worker") ? `import.meta.resolve(${JSON.stringify(id)});` : `await import(${JSON.stringify(id)});`))
    .join("\n");
  const loaded = await run(process.execPath, ["--input-type=module", "--eval", `${script}\nprocess.exit(0);`], { cwd: dir });
  if (loaded.status !== 0) problems.push(`import fails:\n${loaded.output}`);
  const required = await run(process.execPath, ["--input-type=commonjs", "--eval", `require(${JSON.stringify(name)}); process.exit(0);`], {
    cwd: dir,
  });
  if (required.status !== 0) problems.push(`require() fails:\n${required.output}`);
  return problems;
}

async function checkTypes(dir, packages) {
  const names = packages.flatMap(({ name, manifest }) =>
    Object.keys(manifest.exports)
      .filter((entry) => entry !== "./package.json")
      .map((entry) => name + entry.slice(1)),
  );
  const lines = names.map((name, i) => `export * as m${i} from ${JSON.stringify(name)};`);
  const src = path.join(dir, "types");
  mkdirSync(src, { recursive: true });
  writeFileSync(path.join(src, "index.ts"), `${lines.join("\n")}\n`);
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2023", "ESNext.Disposable"],
    module: "NodeNext",
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ["node"],
    typeRoots: [path.join(path.dirname(require.resolve("@types/node/package.json")), "..")],
  };
  writeFileSync(path.join(src, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["index.ts"] }));
  const { status, output } = await run(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", src], { cwd: dir });
  return status === 0 ? [] : [`types do not resolve:\n${output}`];
}
