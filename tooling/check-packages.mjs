import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { checkConsumer } from "./packages/consumer.mjs";
import { checkContents } from "./packages/contents.mjs";
import { run } from "./packages/processes.mjs";

// Packs every package that is published and checks the tarballs: contents against exports, publint, attw, and an import
// by name in an empty folder.   pnpm check:package

const root = path.resolve(import.meta.dirname, "..");
const attw = createRequire(import.meta.url).resolve("@arethetypeswrong/cli/package.json");
const attwScript = path.join(path.dirname(attw), JSON.parse(readFileSync(attw, "utf8")).bin.attw);
const AT_ONCE = 2;

/** Folders in packages/ that are published. */
function published() {
  const folders = readdirSync(path.join(root, "packages")).filter((name) => existsSync(path.join(root, "packages", name, "package.json")));
  return folders.filter((name) => !JSON.parse(readFileSync(path.join(root, "packages", name, "package.json"), "utf8")).private);
}

/** A restored build does not remove what an older one left, and it would be packed. */
async function build() {
  for (const folder of published()) rmSync(path.join(root, "packages", folder, "dist"), { recursive: true, force: true });
  await must("pnpm", ["exec", "turbo", "run", "build", "--filter=./packages/*", "--output-logs=errors-only"], root);
}

async function pack(scratch) {
  const packages = [];
  for (const folder of published()) {
    const out = path.join(scratch, "tarballs", folder);
    const dir = path.join(scratch, "unpacked", folder);
    mkdirSync(out, { recursive: true });
    mkdirSync(dir, { recursive: true });
    await must("pnpm", ["pack", "--pack-destination", out], path.join(root, "packages", folder));
    const tarball = path.join(out, readdirSync(out)[0]);
    await must("tar", ["-xzf", tarball, "--strip-components=1"], dir);
    const manifest = JSON.parse(readFileSync(path.join(dir, "package.json"), "utf8"));
    packages.push({ name: manifest.name, tarball, dir, manifest, problems: [] });
  }
  return packages;
}

async function must(file, args, cwd) {
  const { status, output } = await run(file, args, { cwd });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} failed in ${cwd}:\n${output}`);
}

async function checkOne({ dir, tarball, manifest, problems }) {
  problems.push(...checkContents(dir));
  const { messages } = await publint({ pkgDir: dir, strict: true, pack: false });
  problems.push(...messages.filter((m) => m.type !== "suggestion").map((m) => `publint: ${formatMessage(m, manifest, { color: false })}`));
  const types = await run(process.execPath, [attwScript, tarball, "--profile", "esm-only", "--no-color", "--format", "ascii"], {
    cwd: dir,
  });
  if (types.status !== 0) problems.push(`attw:\n${types.output}`);
}

async function main() {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "headwater-packages-"));
  try {
    await build();
    const packages = await pack(scratch);
    const waiting = [...packages];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await checkOne(next);
    };
    const folder = path.join(scratch, "consumer");
    mkdirSync(folder);
    const [consumer] = await Promise.all([checkConsumer(folder, packages), ...Array.from({ length: AT_ONCE - 1 }, worker)]);
    for (const { name, problems } of consumer) {
      const target = packages.find((p) => p.name === name) ?? packages[packages.length - 1];
      target.problems.push(...problems);
    }
    return report(packages);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function report(packages) {
  for (const { name, tarball, problems } of packages) {
    const kilobytes = (readFileSync(tarball).byteLength / 1000).toFixed(0).padStart(5);
    console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(24)} ${kilobytes} kB packed`);
    for (const problem of problems) console.log(`     ${problem.replaceAll("\n", "\n     ")}`);
  }
  return packages.every((p) => p.problems.length === 0) ? 0 : 1;
}

process.exitCode = await main();
