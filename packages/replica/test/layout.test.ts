import { OptionError } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { createLayout, type LayoutKind, replicaFileOf } from "../src/index.js";
import { id } from "./support.js";

describe("createLayout", () => {
  it.each([
    ["s3", "app", 0, "app/0000/0000000000000002-0000000000000002.ltx", "app/lock.json"],
    ["s3", "a/b", 9, "a/b/0009/0000000000000002-0000000000000002.ltx", "a/b/lock.json"],
    ["s3", "", 1, "0001/0000000000000002-0000000000000002.ltx", "lock.json"],
    ["file", "app", 0, "app/ltx/0/0000000000000002-0000000000000002.ltx", "app/lock.json"],
    ["file", "", 9, "ltx/9/0000000000000002-0000000000000002.ltx", "lock.json"],
  ] as const)("%s with prefix %j names a file of level %d %s", (kind, prefix, level, key, leaseKey) => {
    const layout = createLayout(kind, prefix);
    expect(layout.key(level, id(2), id(2))).toBe(key);
    expect(layout.parse(key)).toEqual({ level, minTXID: 2n, maxTXID: 2n });
    expect(key.startsWith(layout.levelPrefix(level))).toBe(true);
    expect(layout.leaseKey).toBe(leaseKey);
  });

  it("does not mind slashes around the prefix", () => {
    expect(createLayout("s3", "/a/b/").prefix).toBe("a/b");
    expect(createLayout("file", "/").key(0, id(1), id(1))).toBe("ltx/0/0000000000000001-0000000000000001.ltx");
  });

  it("writes and reads TXIDs over the whole range", () => {
    const layout = createLayout("s3", "app");
    const top = 2n ** 64n - 1n;
    expect(layout.key(3, id(0xabcdefn), id(top))).toBe("app/0003/0000000000abcdef-ffffffffffffffff.ltx");
    expect(layout.parse("app/0003/0000000000abcdef-ffffffffffffffff.ltx")).toEqual({ level: 3, minTXID: 0xabcdefn, maxTXID: top });
  });

  it.each([
    ["s3", "app/0/0000000000000001-0000000000000001.ltx"], // the other layout's
    ["s3", "app/ltx/0/0000000000000001-0000000000000001.ltx"],
    ["s3", "app/000a/0000000000000001-0000000000000001.ltx"], // no such level
    ["s3", "app/0000/0000000000000002-0000000000000001.ltx"], // backwards
    ["s3", "app/0000/0000000000000000-0000000000000001.ltx"], // TXID 0
    ["s3", "app/0000/000000000000000A-000000000000000A.ltx"],
    ["s3", "app/0000/0000000000000001-0000000000000001.ltx.tmp"],
    ["s3", "app/0000/x/0000000000000001-0000000000000001.ltx"],
    ["s3", "app/0000/1-1.ltx"],
    ["s3", "app2/0000/0000000000000001-0000000000000001.ltx"],
    ["s3", "app/lock.json"],
    ["s3", ""],
    ["file", "app/ltx/00/0000000000000001-0000000000000001.ltx"],
    ["file", "app/ltx/0009/0000000000000001-0000000000000001.ltx"],
    ["file", "app/ltx/10/0000000000000001-0000000000000001.ltx"],
    ["file", "app/0000/0000000000000001-0000000000000001.ltx"],
  ] as const)("%s does not take %j for one of its files", (kind, key) => {
    expect(createLayout(kind, "app").parse(key)).toBeUndefined();
    expect(replicaFileOf(createLayout(kind, "app"), { key, etag: '"e"' as never, size: 1, lastModifiedMs: 0 })).toBeUndefined();
  });

  it("refuses other kinds and levels", () => {
    expect(() => createLayout("gcs" as LayoutKind, "app")).toThrow(OptionError);
    for (const level of [-1, 10, 1.5, Number.NaN]) expect(() => createLayout("s3", "app").levelPrefix(level)).toThrow(OptionError);
  });
});
