import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as pageCache from "../src/index.js";

it("the example in the README does what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const output = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
  const printed: unknown[][] = [];
  const body = code.replace(/^import .*$/m, "");
  new Function("PageCache", "ReadAhead", "console", body)(pageCache.PageCache, pageCache.ReadAhead, {
    log: (...values: unknown[]) => printed.push(values),
  });
  expect(printed.map((values) => values.join(" "))).toEqual([output]);
});
