import type { Database } from "./database/database.js";
import { openDatabase } from "./database/database.js";
import { optionsFromEnv } from "./options/from-env.js";
import type { Options } from "./types.js";

export type { ErrorCode } from "@headwater/core";
export { FencedError, HeadwaterError, SqliteError } from "@headwater/core";
export { type BufferContents, type ExportOptions, exportBuffer, inspectBuffer } from "./buffer/index.js";
export { Database, openDatabase as open } from "./database/database.js";
export type { Call, Sql } from "./database/sql.js";
export { optionsFromEnv } from "./options/from-env.js";
export type {
  Credentials,
  DiskCacheOptions,
  Events,
  HydrationOptions,
  Logger,
  Options,
  Params,
  Row,
  RunResult,
  SqlValue,
  Status,
  TXID,
} from "./types.js";

/** {@link openDatabase} with what Litestream's environment variables say; what is given here wins. */
export function openFromEnv(overrides: Options = {}): Promise<Database> {
  const { url, options } = optionsFromEnv();
  return openDatabase(url, { ...options, ...overrides });
}
