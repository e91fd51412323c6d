import { boolean, checkOptions, either, func, having, integer, isPageSize, number, object, oneOf, text } from "@headwater/core";
import { DISK_BYTES_MIN } from "@headwater/engine";
import type { Options } from "../types.js";

const MS_MAX = 2 ** 31 - 1;
const pageSize = (v: unknown): string | undefined => (isPageSize(v as number) ? undefined : "expected a power of two from 512 to 65536");
const date = (v: unknown): string | undefined => (v instanceof Date && !Number.isNaN(v.getTime()) ? undefined : "expected a Date");
const url = (v: unknown): string | undefined => (v instanceof URL ? undefined : "expected a URL object");
const credentials = either(object({ accessKeyId: text, secretAccessKey: text, sessionToken: text, expiration: date }), func);

const diskParts = object({ path: text, maxBytes: integer(DISK_BYTES_MIN) });
const disk = (v: unknown): string | undefined =>
  diskParts(v) ?? ("path" in (v as object) && "maxBytes" in (v as object) ? undefined : "expected both path and maxBytes");

const KNOWN = {
  write: boolean,
  create: boolean,
  pageSize,
  durability: oneOf("interval", "commit"),
  syncIntervalMs: integer(0, MS_MAX),
  pollIntervalMs: integer(0, MS_MAX),
  busyTimeoutMs: integer(0, MS_MAX),
  remoteTimeoutMs: integer(1, MS_MAX),
  hydration: either(
    boolean,
    object({ path: text, start: oneOf("open", "manual"), concurrency: integer(1, 64), maxBytesPerSecond: number(1) }),
  ),
  buffer: object({ target: oneOf("file", "memory"), path: text, maxBytes: integer(0) }),
  cache: object({ maxBytes: integer(0), disk }),
  onExit: either(boolean, object({ signals: boolean, deadlineMs: integer(0, MS_MAX) })),
  store: object({ credentials, region: text, endpoint: text, forcePathStyle: boolean, bareEtags: boolean }),
  credentialsModule: url,
  logger: having("debug", "info", "warn", "error"),
  signal: having("addEventListener"),
};

/** @throws {OptionError} `BAD_OPTION` that names the option and what is wrong. */
export function checkDatabaseOptions(options: Options): void {
  checkOptions("open", options as Readonly<Record<string, unknown>>, KNOWN);
}
