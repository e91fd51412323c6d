import { rootCertificates } from "node:tls";
import type { Runtime } from "@headwater/core";
import { normalizeEndpoint } from "../store-url.js";
import { CredentialsCache } from "./credentials.js";
import { type S3Credentials, type S3StoreOptions, SOCKETS_MAX } from "./options.js";
import { collectBounded, RecordingHandler } from "./recording-handler.js";

/** Below the 20 s after which AWS drops an idle connection: a request sent into a closing one looks like a lost put. */
const IDLE_SOCKET_MS = 15_000;

/** Takes what a library says of itself, and drops it. */
const silentLogger: Readonly<Record<"trace" | "debug" | "info" | "warn" | "error", () => void>> = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** What all requests of one store have in common, whoever sends them. */
export interface S3Settings {
  readonly options: S3StoreOptions;
  /** An endpoint was given: not AWS itself, or not under its usual name. */
  readonly isCustom: boolean;
  /** Its URL, as it is used. */
  readonly endpoint: string | undefined;
  /** Unknown where only AWS's configuration files can tell. */
  readonly region: string | undefined;
  readonly handler: RecordingHandler;
  /** Reads the body of a reply that is parsed. */
  readonly collect: typeof collectBounded;
  readonly logger: typeof silentLogger;
  /** How far the server's clock is known to be ahead of this machine's: requests carry the server's time. */
  clockOffsetMs(): number;
  /** Fixed ones, a cache before a provider, or nothing: then the SDK's own chain finds them. */
  readonly credentials: S3Credentials | CredentialsCache | undefined;
}

export function settingsOf(options: S3StoreOptions, runtime: Runtime, clockOffsetMs: () => number): S3Settings {
  const isCustom = options.endpoint !== undefined;
  const region = options.region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"] ?? (isCustom ? "us-east-1" : undefined);
  const { credentials } = options;
  return {
    options,
    isCustom,
    endpoint: options.endpoint === undefined ? undefined : normalizeEndpoint(options.endpoint),
    region,
    handler: createHandler(options),
    collect: collectBounded,
    logger: silentLogger,
    clockOffsetMs,
    credentials: typeof credentials === "function" ? new CredentialsCache(credentials, runtime.clock) : credentials,
  };
}

function createHandler(options: S3StoreOptions): RecordingHandler {
  const agent = { keepAlive: true, maxSockets: options.socketsMax ?? SOCKETS_MAX, timeout: IDLE_SOCKET_MS };
  return new RecordingHandler({
    connectionTimeout: options.connectTimeoutMs ?? 5000,
    socketTimeout: options.idleTimeoutMs ?? 10_000,
    httpAgent: agent,
    httpsAgent: options.ca === undefined ? agent : { ...agent, ca: [...rootCertificates, options.ca] },
    logger: silentLogger,
  });
}
