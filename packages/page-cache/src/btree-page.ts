/** Type bytes of the pages that name others. @see SQLite file format, "B-tree Pages" */
const INTERIOR_INDEX = 0x02;
const INTERIOR_TABLE = 0x05;
const LEAF_TABLE = 0x0d;
/** The database header takes the start of page 1. */
const DATABASE_HEADER_BYTES = 100;
const INTERIOR_HEADER_BYTES = 12;
const LEAF_HEADER_BYTES = 8;

/**
 * The children of an interior page of a B-tree, in the order of their keys. Undefined for any other page, and for one
 * whose bytes make no sense: what comes of it is only ever a hint.
 *
 * @param page - All bytes of the page.
 * @see SQLite file format, "B-tree Pages"
 */
export function childrenOf(pgno: number, page: Uint8Array): Uint32Array | undefined {
  const header = pgno === 1 ? DATABASE_HEADER_BYTES : 0;
  const type = page[header];
  if (type !== INTERIOR_INDEX && type !== INTERIOR_TABLE) return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const cells = cellOffsets(view, header, INTERIOR_HEADER_BYTES, 4);
  if (cells === undefined) return undefined;
  const children = new Uint32Array(cells.length + 1);
  for (const [i, at] of cells.entries()) children[i] = view.getUint32(at);
  children[cells.length] = view.getUint32(header + 8);
  return children.includes(0) ? undefined : children;
}

/**
 * Root pages of the tables and indexes that page 1 names, in its order. Empty when the schema is so long that page 1 is
 * an interior page: then its children hold it, and {@link schemaRoots} reads those.
 */
export function schemaRoots(pgno: number, page: Uint8Array): number[] {
  const header = pgno === 1 ? DATABASE_HEADER_BYTES : 0;
  if (page[header] !== LEAF_TABLE) return [];
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const cells = cellOffsets(view, header, LEAF_HEADER_BYTES, 1) ?? [];
  return cells.map((at) => rootOfRecord(page, at)).filter((root) => root > 1);
}

/** Where the cells of a page begin; undefined where that would be outside of it. */
function cellOffsets(view: DataView, header: number, headerBytes: number, cellBytesMin: number): number[] | undefined {
  const start = header + headerBytes;
  if (start > view.byteLength) return undefined;
  const count = view.getUint16(header + 3);
  if (start + 2 * count > view.byteLength) return undefined;
  const offsets = Array.from({ length: count }, (_, i) => view.getUint16(start + 2 * i));
  return offsets.every((at) => at + cellBytesMin <= view.byteLength) ? offsets : undefined;
}

/** Column `rootpage` of a row of sqlite_schema(type, name, tbl_name, rootpage, sql); 0 for a view, a trigger, or nonsense. */
function rootOfRecord(page: Uint8Array, cellAt: number): number {
  const payload = varint(page, cellAt);
  const rowid = varint(page, payload.next);
  const headerLength = varint(page, rowid.next);
  let at = headerLength.next;
  let bodyAt = rowid.next + headerLength.value;
  for (let column = 0; column < 3; column += 1) {
    const type = varint(page, at);
    at = type.next;
    bodyAt += contentBytes(type.value);
  }
  const width = integerBytes(varint(page, at).value);
  if (width === 0 || bodyAt + width > page.byteLength) return 0;
  let root = 0;
  for (let i = 0; i < width; i += 1) root = root * 256 + (page[bodyAt + i] ?? 0);
  return root <= 0xffff_ffff ? root : 0;
}

/** Bytes of a value by its serial type. @see SQLite file format, "Record Format" */
function contentBytes(serialType: number): number {
  if (serialType >= 12) return Math.floor((serialType - 12) / 2);
  return serialType === 7 ? 8 : integerBytes(serialType);
}

function integerBytes(serialType: number): number {
  return [0, 1, 2, 3, 4, 6, 8][serialType] ?? 0;
}

/** A big-endian varint; bytes beyond the page read as 0, so that it always ends. Exact up to 2^53. */
export function varint(page: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = page[at + i] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return { value: value * 256 + (page[at + 8] ?? 0), next: at + 9 };
}
