import { readFileSync } from "node:fs";
import * as core from "@headwater/core/node";
import * as ltx from "@headwater/ltx";
import * as objectStore from "@headwater/object-store";
import { expect, it } from "vitest";
import * as replica from "../src/index.js";

it("the example in the README does what it says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const output = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
  const scope: Record<string, unknown> = { ...core, ...ltx, ...objectStore, ...replica };
  const printed: string[] = [];
  const print = (value: unknown): string => (typeof value === "bigint" ? `${value}n` : String(value));
  scope["console"] = { log: (...values: unknown[]) => printed.push(values.map(print).join(" ")) };
  const body = code.replace(/^import .*$/gm, "");
  const run = new Function(...Object.keys(scope), `return (async () => {${body}})();`) as (...values: unknown[]) => Promise<void>;
  await run(...Object.values(scope));
  expect(printed).toEqual([output]);
});
