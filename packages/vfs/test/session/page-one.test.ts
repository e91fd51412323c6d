import { describe, expect, it } from "vitest";
import { patchPageOne } from "../../src/session/page-one.js";

const page = (): Uint8Array => Uint8Array.from({ length: 512 }, (_, i) => (i * 7 + 2) & 0xff);

describe("patchPageOne", () => {
  it("shows writers what SQLite wrote, apart from the two WAL bytes", () => {
    const bytes = page();
    patchPageOne(bytes, 0, { counter: undefined, commit: 9 });
    const expected = page();
    expected[18] = 1;
    expected[19] = 1;
    expect(bytes).toEqual(expected);
  });

  it("shows read connections their own counter and the view's size", () => {
    const bytes = page();
    patchPageOne(bytes, 0, { counter: 0x01020304, commit: 0xfffffffe });
    expect([...bytes.subarray(24, 32)]).toEqual([1, 2, 3, 4, 0xff, 0xff, 0xff, 0xfe]);
    expect([...bytes.subarray(92, 96)]).toEqual([1, 2, 3, 4]);
  });

  it("gives the same bytes whatever part of the page is asked for", () => {
    const shown = { counter: 77, commit: 5 };
    const whole = page();
    patchPageOne(whole, 0, shown);
    for (let start = 0; start < 120; start += 1) {
      for (let end = start; end < 120; end += 1) {
        const part = page().subarray(start, end);
        patchPageOne(part, start, shown);
        expect(Buffer.compare(part, whole.subarray(start, end)), `${start}-${end}`).toBe(0);
      }
    }
  });
});
