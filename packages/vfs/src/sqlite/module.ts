import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** The part of the WebAssembly global that is used here; neither the ES nor the Node type libraries declare it. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<SqliteModule> };

/** A `WebAssembly.Module` of SQLite. It can be posted between threads. */
export type SqliteModule = object;

let compiled: Promise<SqliteModule> | undefined;

/** The WASM binary of the pinned sqlite-wasm package, compiled once in each thread that asks for it; a failure is not kept. */
export function compileSqlite(): Promise<SqliteModule> {
  compiled ??= compile().catch((error: unknown) => {
    compiled = undefined;
    throw error;
  });
  return compiled;
}

async function compile(): Promise<SqliteModule> {
  const file = createRequire(import.meta.url).resolve("@sqlite.org/sqlite-wasm/sqlite3.wasm");
  return WebAssembly.compile(await readFile(file));
}
