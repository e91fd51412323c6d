import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { OptionError, redactUrl } from "@headwater/core";
import type { DiskCacheConfig, EngineConfig, HydrationConfig } from "@headwater/engine";
import { normalizeEndpoint, parseStoreUrl, type StoreUrl } from "@headwater/object-store/store-url";
import { type DatabaseConfig, MEMORY_BUFFER_DIR, type StoreConfig } from "@headwater/vfs/client";
import type { OnExit } from "../database/on-exit.js";
import type { Credentials, Options } from "../types.js";
import { checkDatabaseOptions } from "./check.js";
import { optionsFromUrl } from "./from-url.js";

/** 1 s, as Litestream's: a request a second while something is written. */
export const SYNC_INTERVAL_MS_DEFAULT = 1000;
export const POLL_INTERVAL_MS_DEFAULT = 1000;
export const BUSY_TIMEOUT_MS_DEFAULT = 5000;
export const REMOTE_TIMEOUT_MS_DEFAULT = 30_000;
export const PAGE_SIZE_DEFAULT = 4096;
/** Unsynced commits on disk: an outage of a quarter of an hour at a megabyte a second. */
export const BUFFER_BYTES_DEFAULT: number = 1024 ** 3;
/** Unsynced commits in memory: as much as one sync takes. */
export const MEMORY_BUFFER_BYTES_DEFAULT: number = 64 * 1024 ** 2;
export const CACHE_BYTES_DEFAULT: number = 32 * 1024 * 1024;

/** Enough for a put to a store that is slow, and well below the 10 s after which a container is killed. */
export const ON_EXIT_DEADLINE_MS_DEFAULT = 5000;

/** Everything that opening needs, checked and with its defaults. */
export interface Resolved {
  readonly url: string;
  readonly config: DatabaseConfig;
  readonly options: Options;
  /** `undefined`: nothing is done when the process ends. */
  readonly onExit: OnExit | undefined;
  /** To be called in this thread when the store wants credentials. */
  readonly credentials?: () => Promise<Credentials>;
}

/**
 * Checks the options, reads the URL and fills in the defaults. Precedence: code, URL, default.
 *
 * @throws {OptionError} `BAD_OPTION` or `BAD_URL`.
 */
export function resolveOptions(url: string | URL, given: Options, sync: boolean): Resolved {
  checkDatabaseOptions(given);
  const parsed = parseStoreUrl(url);
  const fromUrl = optionsFromUrl(parsed.rest);
  const options: Options = { ...fromUrl, ...withoutUndefined(given), ...(fromUrl.write === false ? { write: false } : {}) };
  checkDatabaseOptions(options);
  const credentials = options.store?.credentials;
  if (sync && typeof credentials === "function") {
    throw new OptionError(
      "BAD_OPTION",
      'option "store": openSync() takes no function, since its thread may be blocked when one is needed; use credentialsModule',
    );
  }
  const store = storeConfig(parsed, options);
  const identity = identityOf(store, parsed.prefix);
  const write = options.write ?? false;
  const hydration = hydrationConfig(options.hydration ?? false);
  const diskCache = diskCacheConfig(parsed.kind, options.cache?.disk);
  const config: DatabaseConfig = {
    store,
    engine: {
      url: redactUrl(url),
      identity,
      layout: parsed.kind === "s3" ? "s3" : "file",
      prefix: parsed.prefix,
      write,
      create: options.create ?? write,
      pageSize: options.pageSize ?? PAGE_SIZE_DEFAULT,
      pageSizeRequired: options.pageSize !== undefined,
      syncIntervalMs: options.syncIntervalMs ?? SYNC_INTERVAL_MS_DEFAULT,
      pollIntervalMs: options.pollIntervalMs ?? POLL_INTERVAL_MS_DEFAULT,
      remoteTimeoutMs: options.remoteTimeoutMs ?? REMOTE_TIMEOUT_MS_DEFAULT,
      owner: `${os.hostname()}:${process.pid}`,
      cacheBytes: options.cache?.maxBytes ?? CACHE_BYTES_DEFAULT,
      ...(write ? bufferPlace(options.buffer, identity) : {}),
      ...(hydration === undefined ? {} : { hydration }),
      ...(diskCache === undefined ? {} : { diskCache }),
    },
    durability: options.durability ?? "interval",
    busyTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS_DEFAULT,
    bufferTarget: options.buffer?.target ?? "file",
    bufferBytesMax: options.buffer?.maxBytes ?? (options.buffer?.target === "memory" ? MEMORY_BUFFER_BYTES_DEFAULT : BUFFER_BYTES_DEFAULT),
    cacheBytes: options.cache?.maxBytes ?? CACHE_BYTES_DEFAULT,
  };
  const onExit = write ? onExitOf(options.onExit ?? true) : undefined;
  return { url: redactUrl(url), config, options, onExit, ...(typeof credentials === "function" ? { credentials } : {}) };
}

function onExitOf(option: NonNullable<Options["onExit"]>): OnExit | undefined {
  if (option === false) return undefined;
  const { signals = true, deadlineMs = ON_EXIT_DEADLINE_MS_DEFAULT } = option === true ? {} : option;
  return { signals, deadlineMs };
}

function withoutUndefined(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
}

function storeConfig(url: StoreUrl, options: Options): StoreConfig {
  if (url.kind === "file") return { kind: "file", dir: url.dir };
  if (url.kind === "memory") return { kind: "memory", name: url.name };
  const { credentials, endpoint, ...store } = options.store ?? {};
  return {
    kind: "s3",
    bucket: url.bucket,
    ...url.parameters,
    ...store,
    ...(endpoint === undefined ? {} : { endpoint: normalizeEndpoint(endpoint) }),
    ...(typeof credentials === "function" ? { credentialsFromCaller: true } : credentials === undefined ? {} : { credentials }),
    ...(options.credentialsModule === undefined ? {} : { credentialsModule: options.credentialsModule.href }),
  };
}

/** The same for the same replica in every process; without credentials. */
function identityOf(store: StoreConfig, prefix: string): string {
  if (store.kind === "s3") return `s3:${store.endpoint ?? "aws"}/${store.bucket}/${prefix}`;
  return store.kind === "file" ? `file:${path.resolve(store.dir)}` : `memory:${store.name}/${prefix}`;
}

function shortHash(text: string): string {
  // Not imported: it takes 3 ms to load, and most opens hash nothing.
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function bufferPlace(buffer: Options["buffer"], identity: string): Pick<EngineConfig, "bufferDir" | "bufferInMemory"> {
  const { target = "file", path: given } = buffer ?? {};
  if (target === "file") return { bufferDir: given === undefined ? defaultBufferDir(identity) : path.resolve(given) };
  if (given !== undefined) throw new OptionError("BAD_OPTION", 'option "buffer": a buffer in memory has no path; leave one of both out');
  return { bufferDir: MEMORY_BUFFER_DIR, bufferInMemory: true };
}

/** A stable place, so that what a killed process committed is found again. */
function defaultBufferDir(identity: string): string {
  const home = os.homedir();
  const state = process.env["XDG_STATE_HOME"] || (home === "" || home === "/" ? os.tmpdir() : path.join(home, ".local", "state"));
  return path.join(state, "headwater", shortHash(identity));
}

/** Nothing for a store in memory: its ETags tell objects apart within the process only, and nothing of it is far away. */
function diskCacheConfig(
  kind: StoreUrl["kind"],
  disk: NonNullable<NonNullable<Options["cache"]>["disk"]> | undefined,
): DiskCacheConfig | undefined {
  if (disk === undefined || kind === "memory") return undefined;
  return { path: path.resolve(disk.path), maxBytes: disk.maxBytes };
}

let copies = 0;

function hydrationConfig(hydration: NonNullable<Options["hydration"]>): HydrationConfig | undefined {
  if (hydration === false) return undefined;
  const { path: given, start = "open", ...rest } = hydration === true ? {} : hydration;
  return { path: given === undefined ? temporaryCopy() : path.resolve(given), start, ...rest };
}

/** A name that no other open database has: the process and a count. */
function temporaryCopy(): string {
  const dir = path.join(os.tmpdir(), `headwater-${process.getuid?.() ?? "user"}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  copies += 1;
  return path.join(dir, `copy-${process.pid}-${shortHash(`${performance.timeOrigin}`).slice(0, 8)}-${copies}.db`);
}
