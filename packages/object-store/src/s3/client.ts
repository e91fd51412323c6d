import { rootCertificates } from "node:tls";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { Runtime } from "@headwater/core";
import { normalizeEndpoint } from "../store-url.js";
import { CredentialsCache } from "./credentials.js";
import { type S3StoreOptions, SOCKETS_MAX } from "./options.js";
import { collectBounded, RecordingHandler } from "./recording-handler.js";

/** Below the 20 s after which AWS drops an idle connection: a request sent into a closing one looks like a lost put. */
const IDLE_SOCKET_MS = 15_000;

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export interface ClientParts {
  readonly client: S3Client;
  /** Absent when the credentials are fixed or come from the SDK's own chain. */
  readonly credentials: CredentialsCache | undefined;
}

/** The SDK's client as this package needs it: it tries once, says nothing, and adds nothing that other servers reject. */
export function createClient(options: S3StoreOptions, runtime: Runtime): ClientParts {
  const isCustom = options.endpoint !== undefined;
  const region = options.region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"] ?? (isCustom ? "us-east-1" : undefined);
  const credentials = typeof options.credentials === "function" ? new CredentialsCache(options.credentials, runtime.clock) : undefined;
  const config: S3ClientConfig = {
    maxAttempts: 1,
    retryMode: "standard",
    forcePathStyle: options.forcePathStyle ?? isCustom,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // "Expect: 100-continue" costs a round trip, and some servers never answer it.
    expectContinueHeader: false,
    requestHandler: createHandler(options),
    streamCollector: collectBounded,
    logger: silent,
    ...(isCustom ? { endpoint: normalizeEndpoint(options.endpoint ?? ""), useDualstackEndpoint: false, useFipsEndpoint: false } : {}),
    ...(region === undefined ? {} : { region }),
    ...credentialsConfig(options, credentials),
  };
  return { client: new S3Client(config), credentials };
}

function credentialsConfig(options: S3StoreOptions, cache: CredentialsCache | undefined): Pick<S3ClientConfig, "credentials"> {
  if (cache === undefined) {
    if (options.credentials === undefined || typeof options.credentials === "function") return {};
    const { accessKeyId, secretAccessKey, sessionToken } = options.credentials;
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
  }
  return {
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await cache.get();
      // With a past expiration the SDK asks before every request, so that the cache alone decides.
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }), expiration: new Date(0) };
    },
  };
}

function createHandler(options: S3StoreOptions): RecordingHandler {
  const agent = { keepAlive: true, maxSockets: options.socketsMax ?? SOCKETS_MAX, timeout: IDLE_SOCKET_MS };
  return new RecordingHandler({
    connectionTimeout: options.connectTimeoutMs ?? 5000,
    socketTimeout: options.idleTimeoutMs ?? 10_000,
    httpAgent: agent,
    httpsAgent: options.ca === undefined ? agent : { ...agent, ca: [...rootCertificates, options.ca] },
    logger: silent,
  });
}
