import type { Row } from "../rows.js";

export const ROWS_PER_LEAF = 4;
export const NAME_LENGTH = 13;

const TEXT =
  "It was a database too large to be written for a test, so nobody wrote it: each page is made when it is asked for, and says the same every time. ".repeat(
    12,
  );
const TEXT_PERIOD = TEXT.length / 12;

const hash = (n: number): number => {
  const mixed = Math.imul(n ^ (n >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 12)) >>> 0;
};

/** Bodies of one leaf are of one length, so that frames differ in size from page to page. */
export const bodyLength = (leaf: number): number => 200 + (hash(leaf) % 600);

export function generatedRow(id: number): Row {
  const at = hash(id) % TEXT_PERIOD;
  const body = TEXT.slice(at, at + bodyLength(Math.floor((id - 1) / ROWS_PER_LEAF)));
  return { id, version: 0, name: `row-${String(id).padStart(NAME_LENGTH - 4, "0")}`, body };
}
