import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { run } from "../packages/processes.mjs";

/**
 * The TypeScript examples in a Markdown text. One that can't run alone (it needs a bucket, or shows signatures only)
 * starts with "```ts no-run".
 *
 * @param {string} markdown
 * @returns {{ line: number, code: string, runs: boolean }[]}
 */
export function examplesIn(markdown) {
  const found = [];
  for (const match of markdown.matchAll(/^```(?:ts|typescript)([^\n]*)\n(.*?)^```/gms)) {
    const line = markdown.slice(0, match.index).split("\n").length;
    found.push({ line, code: match[2], runs: !match[1].includes("no-run") });
  }
  return found;
}

/**
 * Runs the examples of a package's README, each in a process of its own that resolves imports as the package does.
 *
 * @param {string} dir the package
 * @returns {Promise<string[]>} what failed
 */
export async function runExamples(dir) {
  const examples = examplesIn(readFileSync(path.join(dir, "README.md"), "utf8")).filter((example) => example.runs);
  const folder = path.join(dir, ".reports", "readme");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const problems = [];
  for (const { line, code } of examples) {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
    const file = path.join(folder, `line-${line}.mjs`);
    writeFileSync(file, ts.transpileModule(code, { compilerOptions }).outputText);
    const { status, output } = await run(process.execPath, [file], { cwd: folder });
    if (status !== 0) problems.push(`README.md:${line}: the example fails (mark it "\`\`\`ts no-run" if it can't run alone):\n${output}`);
  }
  return problems;
}
