import { OptionError, OptionRangeError } from "@headwater/core";
import { SQLITE_BLOB, SQLITE_FLOAT, SQLITE_INTEGER, SQLITE_TEXT, SQLITE_TRANSIENT } from "./constants.js";
import type { Heap } from "./heap.js";
import type { SqlValue } from "./parameters.js";
import type { Ptr, SqliteExports } from "./wasm.js";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Binds one value, as better-sqlite3 does: a number always as REAL (a column's affinity makes an INTEGER of it), a
 * bigint as INTEGER, any view of bytes as BLOB, `undefined` as NULL. Text and blobs are copied.
 *
 * @returns SQLite's result code
 * @throws {OptionError} for any other type, booleans among them; {@link OptionRangeError} for a bigint of more than 64 bits
 */
export function bindValue(heap: Heap, stmt: Ptr, index: number, value: unknown): number {
  const x = heap.exports;
  switch (typeof value) {
    case "number":
      return x.sqlite3_bind_double(stmt, index, value);
    case "string":
      return bindText(heap, stmt, index, value);
    case "bigint":
      if (value < INT64_MIN || value > INT64_MAX) {
        throw new OptionRangeError(`a bigint that SQLite can't hold: it has 64 bits parameter=${index} value=${value}`);
      }
      return x.sqlite3_bind_int64(stmt, index, value);
    case "undefined":
      return x.sqlite3_bind_null(stmt, index);
    case "object":
      if (value === null) return x.sqlite3_bind_null(stmt, index);
      if (ArrayBuffer.isView(value)) return bindBytes(heap, stmt, index, value);
  }
  const type = Array.isArray(value) ? "array" : typeof value;
  throw new OptionError(
    "BAD_OPTION",
    `can't bind this: SQLite takes numbers, strings, bigints, bytes (Buffer, Uint8Array) and null parameter=${index} type=${type}`,
  );
}

function bindText(heap: Heap, stmt: Ptr, index: number, value: string): number {
  const bytes = heap.encode(value);
  const x = heap.exports;
  if (bytes >= 0) return x.sqlite3_bind_text(stmt, index, heap.scratch, bytes, SQLITE_TRANSIENT);
  return heap.withText(value, (ptr, length) => x.sqlite3_bind_text(stmt, index, ptr, length, SQLITE_TRANSIENT));
}

function bindBytes(heap: Heap, stmt: Ptr, index: number, value: ArrayBufferView): number {
  // A pointer to no bytes would bind NULL.
  if (value.byteLength === 0) return heap.exports.sqlite3_bind_zeroblob(stmt, index, 0);
  const bytes = value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return heap.withBytes(bytes, (ptr, length) => heap.exports.sqlite3_bind_blob(stmt, index, ptr, length, SQLITE_TRANSIENT));
}

/**
 * One column of the current row, as better-sqlite3 gives it. An INTEGER is a number, rounded to the nearest double
 * beyond 2^53, or with `safeIntegers` always a bigint. A BLOB is a Buffer with memory of its own.
 */
export function columnValue(heap: Heap, stmt: Ptr, column: number, safeIntegers: boolean): SqlValue {
  const x: SqliteExports = heap.exports;
  switch (x.sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
      return safeIntegers ? x.sqlite3_column_int64(stmt, column) : x.sqlite3_column_double(stmt, column);
    case SQLITE_FLOAT:
      return x.sqlite3_column_double(stmt, column);
    case SQLITE_TEXT: {
      const ptr = x.sqlite3_column_text(stmt, column);
      return heap.text(ptr, x.sqlite3_column_bytes(stmt, column));
    }
    case SQLITE_BLOB: {
      const ptr = x.sqlite3_column_blob(stmt, column);
      const bytes = x.sqlite3_column_bytes(stmt, column);
      return bytes === 0 ? Buffer.alloc(0) : Buffer.from(heap.u8().slice(ptr, ptr + bytes).buffer);
    }
    default:
      return null;
  }
}
