import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatTXID } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { decodeLtx, decodeTail, encodeLtx, type Header, type HeaderInput, mergeLtx, verifyLtx } from "../src/index.js";
import { ROUNDS, range, sameBytes, samePages } from "./support.js";

const root = fileURLToPath(new URL("../testdata/", import.meta.url));
const read = (name: string): Uint8Array => readFileSync(`${root}${name}/input.ltx`);

interface Expected {
  readonly header: Record<string, unknown>;
  readonly trailer: Record<string, string>;
  readonly pages: readonly { readonly pgno: number; readonly offset: number; readonly size: number; readonly sha256: string }[];
}

const cases = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith("input.ltx"))
  .map((name) => name.replaceAll("\\", "/").replace("/input.ltx", ""))
  .sort();

const hex = (value: bigint): string => value.toString(16).padStart(16, "0");
const shown = (h: Header): Record<string, unknown> => ({
  ...h,
  minTXID: formatTXID(h.minTXID),
  maxTXID: formatTXID(h.maxTXID),
  preApplyChecksum: hex(h.preApplyChecksum),
  nodeID: hex(h.nodeID),
  walOffset: Number(h.walOffset),
  walSize: Number(h.walSize),
});

it("has all golden files", () => {
  expect(cases).toHaveLength(26);
  for (const name of cases) expect(existsSync(`${root}${name}/expected.json`)).toBe(true);
});

describe.each(cases)("golden file %s", (name) => {
  const bytes = read(name);
  const expected = JSON.parse(readFileSync(`${root}${name}/expected.json`, "utf8")) as Expected;

  it("decodes to what its maker put in", () => {
    const file = decodeLtx(bytes);
    expect(shown(file.header)).toEqual(expected.header);
    expect({ postApplyChecksum: hex(file.trailer.postApplyChecksum), fileChecksum: hex(file.trailer.fileChecksum) }).toEqual(
      expected.trailer,
    );
    const pages = [...file.pages()].map(({ pgno, data }, i) => ({
      pgno,
      offset: file.index.offsets[i],
      size: file.index.sizes[i],
      sha256: createHash("sha256").update(data).digest("hex"),
    }));
    expect(pages).toEqual(expected.pages);
    expect(decodeTail(bytes, bytes.length)).toMatchObject({ kind: "ok", index: file.index, trailer: file.trailer });
  });

  it("encodes to a file of the same content", () => {
    const file = decodeLtx(bytes);
    const header: HeaderInput = file.header;
    const post = file.trailer.postApplyChecksum;
    const again = decodeLtx(encodeLtx({ header, pages: file.pages(), postApplyChecksum: post }).bytes);
    expect(again.header).toEqual(file.header);
    expect(samePages(again.pages(), [...file.pages()])).toBe(true);
  });

  it("is rejected when cut", () => {
    // Every length for the small ones; for the large ones all around each boundary and every 61st else.
    const boundaries = [0, ...expected.pages.flatMap((page) => [page.offset, page.offset + page.size]), bytes.length];
    const stride = bytes.length <= 10_000 || ROUNDS >= 10 ? 1 : 61;
    for (const length of range(0, bytes.length - 1)) {
      if (length % stride !== 0 && !boundaries.some((b) => Math.abs(b - length) < 24)) continue;
      const cut = bytes.subarray(0, length);
      const report = verifyLtx(cut);
      if (report.ok) throw new Error(`accepted when cut to ${length}`);
    }
  });
});

describe("merging golden files", () => {
  it.each(["merge", "peer"])("%s: gives the reference compactor's pages", (name) => {
    const inputs = name === "merge" ? ["a", "b", "c"] : ["1", "2", "3", "4"];
    const merged = decodeLtx(mergeLtx(inputs.map((input) => read(`${name}/${input}`))).bytes);
    const reference = decodeLtx(read(`${name}/result`));
    expect(merged.header).toEqual(reference.header);
    expect(merged.index.pgnos).toEqual(reference.index.pgnos);
    expect(samePages(merged.pages(), [...reference.pages()])).toBe(true);
  });

  it("has a mixed file whose pages are those of its two sources", () => {
    const [mixed, blocks, frames] = ["mixed-4096", "blocks-4096", "frames-4096"].map((name) => [...decodeLtx(read(name)).pages()]);
    expect(
      mixed?.every(({ pgno, data }, i) => sameBytes(data, ((pgno % 2 === 1 ? blocks : frames)?.[i] ?? { data: new Uint8Array(0) }).data)),
    ).toBe(true);
  });
});
