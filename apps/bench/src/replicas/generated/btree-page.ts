export const PAGE_SIZE = 4096;

/** A page, and the run of zeros in its middle: between the cell pointers and the cells. */
export interface BtreePage {
  readonly bytes: Uint8Array;
  readonly zerosFrom: number;
  readonly zerosTo: number;
}

const LEAF = 0x0d;
const INTERIOR = 0x05;

/**
 * A page of a table, its cells at the end of the page and in order.
 *
 * @param rightChild - Makes it an interior page.
 * @param headerAt - 100 on page 1, behind the database's header.
 * @see SQLite file format, "B-tree Pages"
 */
export function btreePage(cells: readonly Uint8Array[], rightChild?: number, headerAt = 0): BtreePage {
  const bytes = Buffer.alloc(PAGE_SIZE);
  const headerLength = rightChild === undefined ? 8 : 12;
  let content = PAGE_SIZE;
  cells.forEach((cell, n) => {
    content -= cell.length;
    bytes.set(cell, content);
    bytes.writeUInt16BE(content, headerAt + headerLength + 2 * n);
  });
  bytes[headerAt] = rightChild === undefined ? LEAF : INTERIOR;
  bytes.writeUInt16BE(cells.length, headerAt + 3);
  bytes.writeUInt16BE(content, headerAt + 5);
  if (rightChild !== undefined) bytes.writeUInt32BE(rightChild, headerAt + 8);
  return { bytes, zerosFrom: headerAt + headerLength + 2 * cells.length, zerosTo: content };
}
