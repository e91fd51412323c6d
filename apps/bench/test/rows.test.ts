import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyLengthOf, checkRow, rowOf } from "../src/replicas/rows.js";
import { neighbouringRows, randomRows, rowInMiddle } from "../src/scenarios/ids.js";

const anyId = fc.integer({ min: 1, max: 2_000_000 });

describe("rows", () => {
  it("are the same for the same id and version, and of one length for all versions", () => {
    fc.assert(
      fc.property(anyId, fc.nat(1000), (id, version) => {
        expect(rowOf(id, version)).toEqual(rowOf(id, version));
        expect(rowOf(id, version).body).toHaveLength(bodyLengthOf(id));
        expect(rowOf(id, version).body).not.toBe(rowOf(id, version + 1).body);
      }),
    );
  });

  it("are checked by id, version and body", () => {
    const row = rowOf(5, 2);
    checkRow({ ...row }, row);
    for (const wrong of [undefined, { ...row, id: 6 }, { ...row, version: 1 }, { ...row, body: `${row.body} ` }]) {
      expect(() => checkRow(wrong, row)).toThrow(/wrong row: id=5/);
    }
  });
});

describe("the rows that are read", () => {
  it("lie within the table, are the same in the same run, and others in the next", () => {
    const table = { rows: 300 };
    for (const run of [0, 1, 2]) {
      const all = [rowInMiddle(table, run), ...randomRows(table, 100, run), ...neighbouringRows(table, 1000, run)];
      for (const id of all) expect(id >= 1 && id <= 300, String(id)).toBe(true);
      expect(randomRows(table, 100, run)).toEqual(randomRows(table, 100, run));
      expect(randomRows(table, 100, run)).not.toEqual(randomRows(table, 100, run + 1));
    }
    expect(neighbouringRows({ rows: 10_000 }, 3, 0)).toEqual([0, 1, 2].map((n) => (neighbouringRows({ rows: 10_000 }, 3, 0)[0] ?? 0) + n));
  });
});
