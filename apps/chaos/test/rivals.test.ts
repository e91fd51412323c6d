import { describe, expect, it } from "vitest";
import { Violation } from "../src/claim.js";
import { BEGINNING, checkLine, digestOf } from "../src/rivals/history.js";
import { type Confirmed, checkWinners } from "../src/rivals/winners.js";

type HistoryRow = {
  readonly id: number;
  readonly writer: string;
  readonly parent: string;
  readonly digest: string;
};

function rowsOf(writers: string): HistoryRow[] {
  let last: { id: number; digest: string } = BEGINNING;
  return [...writers].map((writer) => {
    const id = last.id + 1;
    const row = { id, writer, parent: last.digest, digest: digestOf(id, writer, last.digest) };
    last = row;
    return row;
  });
}
const textOf = (n: number): string => n.toString(16).padStart(16, "0");

describe("one line of history", () => {
  const rows = rowsOf("aabab");

  it("is what was added row by row", () => {
    expect(checkLine(rows)).toEqual(rows.map(({ id, digest }) => ({ id, digest })));
    expect(checkLine([])).toEqual([]);
  });

  it.each([
    ["a row is missing", rows.filter(({ id }) => id !== 2)],
    ["a row was added on top of another history", [...rows.slice(0, 2), ...rowsOf("bbbab").slice(2)]],
    ["a row is another writer's", rows.map((row) => (row.id === 3 ? { ...row, writer: "a" } : row))],
  ])("is broken when %s", (_what, broken) => {
    expect(() => checkLine(broken)).toThrow(Violation);
  });
});

describe("checkWinners", () => {
  const line = checkLine(rowsOf("aabb"));
  const confirmed = (name: string, id: number, txid: number): Confirmed => ({
    name,
    id,
    digest: line[id - 1]?.digest ?? "",
    txid: textOf(txid),
  });

  it("takes rows in the order of their TXIDs, several to one", () => {
    checkWinners(line, [confirmed("a", 1, 1), confirmed("a", 2, 1), confirmed("b", 4, 3), confirmed("b", 3, 2)]);
  });

  it.each([
    ["a confirmed row is gone", [confirmed("b", 5, 4)]],
    ["a confirmed row is another", [{ ...confirmed("a", 2, 1), digest: "other" }]],
    ["a TXID has two winners", [confirmed("a", 2, 2), confirmed("b", 3, 2)]],
    ["TXIDs go the other way", [confirmed("a", 1, 3), confirmed("a", 2, 2)]],
  ])("refuses when %s", (_what, wrong) => {
    expect(() => checkWinners(line, wrong)).toThrow(Violation);
  });
});
