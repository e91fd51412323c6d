import init from "@sqlite.org/sqlite-wasm";
import type { SqliteModule } from "./module.js";

/** The part of the WebAssembly global that is used here; neither the ES nor the Node type libraries declare it. */
declare const WebAssembly: {
  readonly Instance: new (module: SqliteModule, imports: object) => { readonly exports: object };
};

/** A `WebAssembly.Memory`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** A pointer into the WASM heap; 0 is NULL. */
export type Ptr = number;

/**
 * The C functions that the adapter calls without anything between, as they are at run time: 64-bit integers are
 * BigInt, pointers and strings are addresses. (The package's own types describe wrapped forms of them.)
 */
export interface SqliteExports {
  malloc(bytes: number): Ptr;
  free(ptr: Ptr): void;
  sqlite3_malloc(bytes: number): Ptr;
  sqlite3_free(ptr: Ptr): void;
  sqlite3_vfs_register(vfs: Ptr, asDefault: number): number;
  sqlite3_vfs_unregister(vfs: Ptr): number;
  /** The default one for NULL. */
  sqlite3_vfs_find(name: Ptr): Ptr;
  sqlite3_open_v2(name: Ptr, outDb: Ptr, flags: number, vfs: Ptr): number;
  sqlite3_close_v2(db: Ptr): number;
  sqlite3_extended_result_codes(db: Ptr, on: number): number;
  sqlite3_extended_errcode(db: Ptr): number;
  sqlite3_errmsg(db: Ptr): Ptr;
  sqlite3_busy_timeout(db: Ptr, ms: number): number;
  sqlite3_set_authorizer(db: Ptr, callback: Ptr, arg: number): number;
  sqlite3_progress_handler(db: Ptr, everyOps: number, callback: Ptr, arg: number): void;
  sqlite3_interrupt(db: Ptr): void;
  sqlite3_get_autocommit(db: Ptr): number;
  sqlite3_changes(db: Ptr): number;
  sqlite3_total_changes(db: Ptr): number;
  sqlite3_last_insert_rowid(db: Ptr): bigint;
  sqlite3_prepare_v3(db: Ptr, sql: Ptr, bytes: number, flags: number, outStmt: Ptr, outTail: Ptr): number;
  sqlite3_step(stmt: Ptr): number;
  sqlite3_reset(stmt: Ptr): number;
  sqlite3_finalize(stmt: Ptr): number;
  sqlite3_clear_bindings(stmt: Ptr): number;
  sqlite3_stmt_readonly(stmt: Ptr): number;
  sqlite3_stmt_status(stmt: Ptr, op: number, reset: number): number;
  sqlite3_expanded_sql(stmt: Ptr): Ptr;
  sqlite3_bind_parameter_count(stmt: Ptr): number;
  sqlite3_bind_parameter_name(stmt: Ptr, index: number): Ptr;
  sqlite3_bind_null(stmt: Ptr, index: number): number;
  sqlite3_bind_double(stmt: Ptr, index: number, value: number): number;
  sqlite3_bind_int64(stmt: Ptr, index: number, value: bigint): number;
  sqlite3_bind_text(stmt: Ptr, index: number, text: Ptr, bytes: number, destructor: number): number;
  sqlite3_bind_blob(stmt: Ptr, index: number, blob: Ptr, bytes: number, destructor: number): number;
  sqlite3_bind_zeroblob(stmt: Ptr, index: number, bytes: number): number;
  sqlite3_column_count(stmt: Ptr): number;
  sqlite3_column_type(stmt: Ptr, column: number): number;
  sqlite3_column_double(stmt: Ptr, column: number): number;
  sqlite3_column_int64(stmt: Ptr, column: number): bigint;
  sqlite3_column_text(stmt: Ptr, column: number): Ptr;
  sqlite3_column_blob(stmt: Ptr, column: number): Ptr;
  sqlite3_column_bytes(stmt: Ptr, column: number): number;
  sqlite3_column_name(stmt: Ptr, column: number): Ptr;
  sqlite3_column_origin_name(stmt: Ptr, column: number): Ptr;
  sqlite3_column_table_name(stmt: Ptr, column: number): Ptr;
  sqlite3_column_database_name(stmt: Ptr, column: number): Ptr;
  sqlite3_column_decltype(stmt: Ptr, column: number): Ptr;
}

interface StructInfo {
  readonly sizeof: number;
  readonly members: Readonly<Record<string, { readonly offset: number; readonly signature: string }>>;
}

/** What a loaded sqlite-wasm offers to the adapter. */
export interface LoadedSqlite {
  readonly exports: SqliteExports;
  readonly memory: WasmMemory;
  readonly version: string;
  readonly vfsStruct: StructInfo;
  readonly ioMethodsStruct: StructInfo;
  /** Puts a JavaScript function into the function table. It stays there for the life of the instance. */
  installFunction(signature: string, fn: (...args: never[]) => unknown): Ptr;
}

// The parts of the namespace object that are used; the package's types name other shapes for some.
interface SqliteNamespace {
  readonly version: { readonly libVersion: string };
  readonly capi: { readonly sqlite3_vfs: { structInfo: StructInfo }; readonly sqlite3_io_methods: { structInfo: StructInfo } };
  readonly wasm: {
    readonly exports: SqliteExports;
    readonly memory: WasmMemory;
    installFunction(signature: string, fn: (...args: never[]) => unknown): Ptr;
  };
}
type Init = (options: {
  instantiateWasm(imports: object, done: (instance: object, module: SqliteModule) => void): object;
  print(text: string): void;
  printErr(text: string): void;
}) => Promise<SqliteNamespace>;

const silent = (): void => {};
const config = globalThis as { sqlite3ApiConfig?: unknown };
/** Loads run one after the other: each sets a global that sqlite-wasm reads late and then deletes. */
let loading: Promise<unknown> = Promise.resolve();

/** A new instance of SQLite with a heap of its own. Prints nothing, then or later. */
export function instantiateSqlite(module: SqliteModule): Promise<LoadedSqlite> {
  const loaded = loading.then(() => instantiate(module));
  loading = loaded.catch(silent);
  return loaded;
}

async function instantiate(module: SqliteModule): Promise<LoadedSqlite> {
  const before = config.sqlite3ApiConfig;
  config.sqlite3ApiConfig = { warn: silent, error: silent, debug: silent, log: silent };
  try {
    const namespace = await (init as unknown as Init)({
      instantiateWasm(imports, done) {
        const instance = new WebAssembly.Instance(module, imports);
        done(instance, module);
        return instance.exports;
      },
      print: silent,
      printErr: silent,
    });
    const { wasm, capi } = namespace;
    return {
      exports: wasm.exports,
      memory: wasm.memory,
      version: namespace.version.libVersion,
      vfsStruct: capi.sqlite3_vfs.structInfo,
      ioMethodsStruct: capi.sqlite3_io_methods.structInfo,
      installFunction: (signature, fn) => wasm.installFunction(signature, fn),
    };
  } finally {
    if (before === undefined) delete config.sqlite3ApiConfig;
    else config.sqlite3ApiConfig = before;
  }
}
