import { readFileSync } from "node:fs";
import { txid } from "@headwater/core";
import { ManualRuntime, MemoryFileSystem } from "@headwater/core/testing";
import { MemoryObjectStore } from "@headwater/object-store";
import { createLayout, storePublisher } from "@headwater/replica";
import { expect, it } from "vitest";
import { CommitLog, IntentFile, LogReader, Syncer } from "../src/index.js";

it("the example in the README does what it says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const output = /console\.log\(.*\); \/\/ (.*)/.exec(code)?.[1];
  const printed: string[] = [];
  const log = (...values: unknown[]): number => printed.push(values.map((v) => (typeof v === "bigint" ? `${v}n` : String(v))).join(" "));
  const fs = new MemoryFileSystem();
  fs.mkdir("/tmp/headwater-readme");
  const given = {
    ...{ txid, fs, runtime: new ManualRuntime(), MemoryObjectStore, createLayout, storePublisher },
    ...{ CommitLog, IntentFile, LogReader, Syncer, console: { log, warn: log } },
  };
  const body = code.replace(/^import .*$/gm, "");
  await new Function(...Object.keys(given), `return (async () => {${body}})();`)(...Object.values(given));
  expect(printed).toEqual([output]);
  expect(fs.list("/tmp/headwater-readme/buffer")).toEqual([]);
});
