import type { Steps } from "@headwater/core";
import { describe, expect, it } from "vitest";
import { decodeTail, decodeTailSteps, LtxEncoder, LtxMerge, mergeLtx, RangeVerifier } from "../src/index.js";
import { encode, pg, range, sameBytes, tx } from "./support.js";

const COUNT = 50_000;
const PER_STEP = 16_384;
const page = new Uint8Array(512);
const header = { pageSize: 512, commit: COUNT, minTXID: tx(1), maxTXID: tx(1), timestampMs: 1, noChecksum: true };
const file = encode(
  header,
  range(1, COUNT).map((n) => ({ pgno: pg(n), data: page })),
);

function counted<T>(steps: Steps<T>): { readonly value: T; readonly yields: number } {
  for (let yields = 0; ; yields += 1) {
    const step = steps.next();
    if (step.done === true) return { value: step.value, yields };
  }
}

describe("long work in steps", () => {
  it("ends a file, yielding at least after every 16,384 entries that are measured and encoded", () => {
    const encoder = new LtxEncoder(header);
    for (let n = 1; n <= COUNT; n += 1) encoder.addPage(pg(n), page);
    const { value, yields } = counted(encoder.finishSteps());
    expect(yields).toBeGreaterThanOrEqual(2 * Math.floor(COUNT / PER_STEP));
    expect(sameBytes(value.bytes, file.bytes)).toBe(true);
  });

  it("decodes an index, and checks it, with as many", () => {
    const decoded = counted(decodeTailSteps(file.bytes, file.bytes.length));
    expect(decoded.yields).toBe(Math.floor(COUNT / PER_STEP));
    if (decoded.value.kind !== "ok") throw new Error("the whole file is enough");
    expect(decoded.value.index).toEqual(file.index);
    const opened = counted(RangeVerifier.openSteps(file.bytes, decoded.value));
    expect(opened.yields).toBe(Math.floor(COUNT / PER_STEP));
  });

  it("verifies a file that was read in ranges, and still finds what is wrong", () => {
    for (const wrong of [false, true]) {
      const tail = decodeTail(file.bytes, file.bytes.length);
      if (tail.kind !== "ok") throw new Error("the whole file is enough");
      const bytes = file.bytes.slice(0, 100);
      if (wrong) bytes[90] = 1; // only the file checksum covers this
      const verifier = new RangeVerifier(bytes, tail);
      const run = verifier.startRun(0);
      for (let i = 0; i < COUNT; i += 1) run.next(file.bytes, file.index.offsets[i] ?? 0, page);
      run.end();
      const steps = verifier.finishSteps();
      if (wrong) expect(() => counted(steps)).toThrow(expect.objectContaining({ code: "LTX_CORRUPT", problem: "file-checksum" }));
      else expect(counted(steps).yields).toBeGreaterThanOrEqual(2 * Math.floor(COUNT / PER_STEP));
    }
  });

  it("merges page by page to the end", () => {
    const { value, yields } = counted(new LtxMerge([file.bytes]).finishSteps());
    expect(yields).toBeGreaterThan(COUNT);
    expect(sameBytes(value.bytes, mergeLtx([file.bytes]).bytes)).toBe(true);
  });
});
