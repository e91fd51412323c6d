import { SqliteError } from "@headwater/core";
import type { LoadedSqlite, Ptr, SqliteExports, WasmMemory } from "./wasm.js";

const SCRATCH_BYTES = 64 * 1024;
/** Up to here a loop over ASCII beats the decoder's call. */
const SHORT_TEXT = 24;
const encoder = new TextEncoder();

/**
 * The WASM heap. Growing it detaches every view, so views are taken through here each time and never kept across a
 * call into SQLite. A detached view has length 0, which is much cheaper to see than to make a new view.
 */
export class Heap {
  readonly exports: SqliteExports;
  readonly #memory: WasmMemory;
  /** A block of our own for short-lived arguments: names, SQL text, bound values. */
  readonly scratch: Ptr;
  #u8: Uint8Array<ArrayBuffer>;
  #i32: Int32Array;
  #buffer: Buffer;

  constructor(loaded: LoadedSqlite) {
    this.exports = loaded.exports;
    this.#memory = loaded.memory;
    this.#u8 = new Uint8Array(0);
    this.#i32 = new Int32Array(0);
    this.#buffer = Buffer.alloc(0);
    this.scratch = this.allocate(SCRATCH_BYTES);
  }

  #refresh(): void {
    const memory = this.#memory.buffer;
    this.#u8 = new Uint8Array(memory);
    this.#i32 = new Int32Array(memory);
    this.#buffer = Buffer.from(memory);
  }

  u8(): Uint8Array<ArrayBuffer> {
    if (this.#u8.length === 0) this.#refresh();
    return this.#u8;
  }

  i32(): Int32Array {
    if (this.#u8.length === 0) this.#refresh();
    return this.#i32;
  }

  /** The heap's bytes at `ptr`, without a copy: valid only until the next call into SQLite. */
  view(ptr: Ptr, bytes: number): Uint8Array {
    return this.u8().subarray(ptr, ptr + bytes);
  }

  getI32(ptr: Ptr): number {
    return this.i32()[ptr >> 2] ?? 0;
  }

  setI32(ptr: Ptr, value: number): void {
    this.i32()[ptr >> 2] = value;
  }

  /** Stores a non-negative integer below 2^53 as a 64-bit one. */
  setI64(ptr: Ptr, value: number): void {
    const i32 = this.i32();
    i32[ptr >> 2] = value;
    i32[(ptr >> 2) + 1] = Math.floor(value / 2 ** 32);
  }

  /** @throws {SqliteError} `SQLITE_NOMEM` when the heap is at its limit of 2 GB. */
  allocate(bytes: number): Ptr {
    const ptr = this.exports.malloc(bytes);
    if (ptr === 0) throw new SqliteError("SQLITE_NOMEM", `out of WASM memory: no room for an allocation bytes=${bytes}`);
    return ptr;
  }

  /** Text of a known length in bytes. Bytes that are no UTF-8 come out as U+FFFD. */
  text(ptr: Ptr, bytes: number): string {
    const u8 = this.u8();
    if (bytes <= SHORT_TEXT) {
      let out = "";
      for (let i = ptr, end = ptr + bytes; i < end; i += 1) {
        const c = u8[i] as number;
        if (c > 0x7f) return this.#buffer.toString("utf8", ptr, end);
        out += String.fromCharCode(c);
      }
      return out;
    }
    return this.#buffer.toString("utf8", ptr, ptr + bytes);
  }

  /** A zero-terminated string; "" for NULL. */
  cString(ptr: Ptr): string {
    if (ptr === 0) return "";
    const end = this.u8().indexOf(0, ptr);
    return this.text(ptr, (end < 0 ? this.#u8.length : end) - ptr);
  }

  /** As {@link cString}, but `undefined` for NULL. */
  cStringOr(ptr: Ptr): string | undefined {
    return ptr === 0 ? undefined : this.cString(ptr);
  }

  /** A copy of `text` as UTF-8 with a zero behind it, allocated for good. */
  permanentCString(text: string): Ptr {
    const bytes = encoder.encode(`${text}\0`);
    const ptr = this.allocate(bytes.byteLength);
    this.u8().set(bytes, ptr);
    return ptr;
  }

  /** As {@link permanentCString} in memory that SQLite frees; 0 when there is none. */
  sqliteCString(text: string): Ptr {
    const bytes = encoder.encode(`${text}\0`);
    const ptr = this.exports.sqlite3_malloc(bytes.byteLength);
    if (ptr !== 0) this.u8().set(bytes, ptr);
    return ptr;
  }

  /**
   * Writes short text as UTF-8, with a zero behind it, to {@link scratch}, where it stays until the next call of this
   * class. Returns its length in bytes without the zero, or -1 when the text may be too long.
   */
  encode(text: string): number {
    const length = text.length;
    if (length * 3 >= SCRATCH_BYTES) return -1;
    const u8 = this.u8();
    const ptr = this.scratch;
    if (length > SHORT_TEXT) return this.#encodeLong(text);
    for (let i = 0; i < length; i += 1) {
      const c = text.charCodeAt(i);
      if (c > 0x7f) return this.#encodeLong(text);
      u8[ptr + i] = c;
    }
    u8[ptr + length] = 0;
    return length;
  }

  #encodeLong(text: string): number {
    const bytes = this.#buffer.write(text, this.scratch, SCRATCH_BYTES, "utf8");
    this.#u8[this.scratch + bytes] = 0;
    return bytes;
  }

  /**
   * Hands `use` the text as UTF-8 with a zero behind it, and its length without that. Valid during the call; `use`
   * must not come here again.
   */
  withText<T>(text: string, use: (ptr: Ptr, bytes: number) => T): T {
    const bytes = this.encode(text);
    if (bytes >= 0) return use(this.scratch, bytes);
    return this.withBytes(encoder.encode(`${text}\0`), (ptr, length) => use(ptr, length - 1));
  }

  /** Hands `use` a copy of `bytes` in the heap (never at NULL), under the same terms as {@link withText}. */
  withBytes<T>(bytes: Uint8Array, use: (ptr: Ptr, bytes: number) => T): T {
    const length = bytes.byteLength;
    if (length <= SCRATCH_BYTES) {
      this.u8().set(bytes, this.scratch);
      return use(this.scratch, length);
    }
    const ptr = this.allocate(length);
    try {
      this.u8().set(bytes, ptr);
      return use(ptr, length);
    } finally {
      this.exports.free(ptr);
    }
  }
}
