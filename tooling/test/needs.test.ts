import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { missingSuites } from "../vitest/needs.mjs";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "headwater-needs-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function write(name: string, text = ""): void {
  mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
  writeFileSync(path.join(dir, name), text);
}
const missing = (env = {}) => missingSuites(dir, env).map(({ need, files }: { need: string; files: string[] }) => [need, files]);
const DATABASE = "module.exports = class { open = true; close() { this.open = false; return this; } };";
const BROKEN = "throw new Error('no native part');";

describe("missingSuites", () => {
  it("leaves out what the machine lacks, by the names of the files", () => {
    for (const name of ["a.test.ts", "a.s3.test.ts", "deep/b.s3.test.ts", "c.peer.test.ts", "d.native.test.ts"]) write(`test/${name}`);
    expect(missing()).toEqual([
      ["s3", ["test/a.s3.test.ts", "test/deep/b.s3.test.ts"]],
      ["peer", ["test/c.peer.test.ts"]],
      ["native", ["test/d.native.test.ts"]],
    ]);
  });

  it("leaves out a suite that needs two things where one of them is missing", () => {
    write("test/a.s3.peer.test.ts");
    expect(missing({ HEADWATER_TEST_S3_URL: "s3://b?endpoint=http://127.0.0.1:1" })).toEqual([["peer", ["test/a.s3.peer.test.ts"]]]);
    expect(missing()).toHaveLength(2);
  });

  it("asks for nothing that no suite needs", () => {
    write("test/a.test.ts");
    expect(missing()).toEqual([]);
    rmSync(path.join(dir, "test"), { recursive: true });
    expect(missing()).toEqual([]);
  });

  it("runs S3 suites where there is a server", () => {
    write("test/a.s3.test.ts");
    expect(missing({ HEADWATER_TEST_S3_URL: "" })).toHaveLength(1);
    expect(missing({ HEADWATER_TEST_S3_URL: "s3://b?endpoint=http://127.0.0.1:1" })).toEqual([]);
  });

  it("runs native and peer suites where the packages work, not where they are only there", () => {
    write("test/a.peer.test.ts");
    write("test/a.native.test.ts");
    const extension = JSON.stringify(path.join(dir, "peer.so"));
    write("node_modules/litestream-vfs/index.js", `module.exports = { getLoadablePath: () => ${extension} };`);
    write("node_modules/better-sqlite3/index.js", BROKEN);
    expect(missing().map(([need]) => need)).toEqual(["peer", "native"]);
    write("peer.so");
    write("node_modules/better-sqlite3/index.js", DATABASE);
    expect(missing()).toEqual([]);
  });
});
