import init from "@sqlite.org/sqlite-wasm";

/** The parts of the oo1 interface that are used; the shipped types are wrong for some. */
interface PlainApi {
  readonly capi: {
    sqlite3_deserialize(db: number, schema: string, bytes: number, size: number, room: number, flags: number): number;
    sqlite3_extended_errcode(db: number): number;
    sqlite3_get_autocommit(db: number): number;
    sqlite3_js_db_export(db: number): Uint8Array;
  };
  readonly wasm: { allocFromTypedArray(bytes: Uint8Array): number };
  readonly oo1: { DB: new (name: string) => PlainDb };
}
interface PlainDb {
  readonly pointer: number;
  exec(options: { sql: string; rowMode?: "array"; returnValue?: "resultRows"; bind?: unknown[] }): unknown;
  close(): void;
}

let api: Promise<PlainApi> | undefined;
async function load(): Promise<PlainApi> {
  const config = globalThis as { sqlite3ApiConfig?: unknown };
  const silent = (): void => {};
  config.sqlite3ApiConfig = { warn: silent, error: silent, debug: silent, log: silent };
  return (await init()) as unknown as PlainApi;
}

const FREE_ON_CLOSE = 1;
const RESIZEABLE = 2;

/** SQLite as sqlite-wasm ships it, on a database in memory: what the adapter is compared with. */
export class Plain {
  readonly #api: PlainApi;
  readonly #db: PlainDb;

  constructor(loaded: PlainApi, bytes: Uint8Array | undefined) {
    this.#api = loaded;
    this.#db = new loaded.oo1.DB(":memory:");
    if (bytes === undefined || bytes.byteLength === 0) return;
    const copy = loaded.wasm.allocFromTypedArray(bytes);
    const size = bytes.byteLength;
    const code = loaded.capi.sqlite3_deserialize(this.#db.pointer, "main", copy, size, size, FREE_ON_CLOSE | RESIZEABLE);
    if (code !== 0) throw new Error(`sqlite3_deserialize answered ${code}`);
  }

  /** The rows of one or more statements, as arrays. */
  rows(sql: string): unknown[][] {
    return this.#db.exec({ sql, rowMode: "array", returnValue: "resultRows" }) as unknown[][];
  }

  /** Runs all statements; the extended result code. */
  run(sql: string): number {
    try {
      this.#db.exec({ sql });
      return 0;
    } catch {
      return this.#api.capi.sqlite3_extended_errcode(this.#db.pointer);
    }
  }

  get inTransaction(): boolean {
    return this.#api.capi.sqlite3_get_autocommit(this.#db.pointer) === 0;
  }

  bytes(): Uint8Array {
    return this.#api.capi.sqlite3_js_db_export(this.#db.pointer);
  }

  close(): void {
    this.#db.close();
  }
}

/** A plain database in memory, empty or of the bytes of a SQLite file. */
export async function openPlain(bytes?: Uint8Array): Promise<Plain> {
  api ??= load();
  return new Plain(await api, bytes);
}
