/** Bytes of SQLite's variable-length integers up to 2^28, which is all that is needed here. @see SQLite file format, "Varint" */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}

export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  const length = varintLength(value);
  for (let n = 0; n < length; n += 1) bytes[at + n] = ((value >>> (7 * (length - 1 - n))) & 0x7f) | (n < length - 1 ? 0x80 : 0);
  return at + length;
}

/** What a column of a record may be here: NULL, 0, a small integer of four bytes, or ASCII text. */
export type Column = null | 0 | { readonly integer: number } | string;

function serialType(column: Column): number {
  if (column === null) return 0;
  if (column === 0) return 8;
  return typeof column === "string" ? 13 + 2 * column.length : 4;
}

function dataLength(column: Column): number {
  if (column === null || column === 0) return 0;
  return typeof column === "string" ? column.length : 4;
}

/** A cell of a table's leaf page. @see SQLite file format, "B-tree Cell Format" and "Record Format" */
export function leafCell(rowid: number, columns: readonly Column[]): Uint8Array {
  const types = columns.map(serialType);
  const headerLength = 1 + types.reduce((sum, type) => sum + varintLength(type), 0);
  const payload = headerLength + columns.reduce<number>((sum, column) => sum + dataLength(column), 0);
  const cell = Buffer.alloc(varintLength(payload) + varintLength(rowid) + payload);
  let at = putVarint(cell, putVarint(cell, 0, payload), rowid);
  cell[at++] = headerLength; // below 128: there are few columns
  for (const type of types) at = putVarint(cell, at, type);
  for (const column of columns) {
    if (column === null || column === 0) continue;
    if (typeof column === "string") cell.write(column, at, "latin1");
    else cell.writeInt32BE(column.integer, at);
    at += dataLength(column);
  }
  return cell;
}

/** A cell of a table's interior page. */
export function interiorCell(leftChild: number, key: number): Uint8Array {
  const cell = Buffer.alloc(4 + varintLength(key));
  cell.writeUInt32BE(leftChild, 0);
  putVarint(cell, 4, key);
  return cell;
}
