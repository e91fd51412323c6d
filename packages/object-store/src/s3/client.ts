import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import type { Call } from "./recording-handler.js";
import type { GetInput, GetOutput, ListInput, ListOutput, ReadRequests } from "./requests.js";
import type { S3Settings } from "./settings.js";

export interface PutInput {
  readonly key: string;
  readonly body: Uint8Array;
  readonly precondition: { readonly IfNoneMatch?: string; readonly IfMatch?: string };
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** Hash of the body in hex, where it is known already. */
  readonly sha256: string | undefined;
}

/**
 * All requests, by the SDK's client: it tries once, says nothing, and adds nothing that other servers reject. A module
 * of its own, because the SDK takes longer to load than a cold start's requests do. What it shares with the rest comes in
 * the settings, since a bundle may hold this module's imports a second time.
 */
export class SdkClient implements ReadRequests {
  readonly #settings: S3Settings;
  readonly #client: S3Client;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#client = new S3Client(configOf(settings));
  }

  async get({ key, range, ifMatch }: GetInput, call: Call): Promise<GetOutput> {
    const command = new GetObjectCommand({
      ...this.#target(key),
      ...this.#customerKey(),
      ...(range === undefined ? {} : { Range: range }),
      ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
    });
    return { metadata: (await this.#timed().send(command, call)).Metadata ?? {} };
  }

  head(key: string, call: Call): Promise<HeadObjectCommandOutput> {
    return this.#timed().send(new HeadObjectCommand({ ...this.#target(key), ...this.#customerKey() }), call);
  }

  async list({ prefix, maxKeys, startAfter, token }: ListInput, call: Call): Promise<ListOutput> {
    const command = new ListObjectsV2Command({
      Bucket: this.#settings.options.bucket,
      Prefix: prefix,
      ...(maxKeys === undefined ? {} : { MaxKeys: maxKeys }),
      ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const { Contents, IsTruncated, NextContinuationToken } = await this.#timed().send(command, call);
    return { contents: Contents ?? [], isTruncated: IsTruncated, nextToken: NextContinuationToken };
  }

  /** Resolves to the object's ETag as the server gave it. */
  async put({ key, body, precondition, metadata, sha256 }: PutInput, call: Call): Promise<string | undefined> {
    const kmsKeyId = this.#settings.options.sse?.kmsKeyId;
    const command = new PutObjectCommand({
      ...this.#target(key),
      ...this.#customerKey(),
      ...(kmsKeyId === undefined ? {} : { ServerSideEncryption: "aws:kms", SSEKMSKeyId: kmsKeyId }),
      ...precondition,
      Body: body,
      ...(metadata === undefined ? {} : { Metadata: { ...metadata } }),
    });
    if (sha256 !== undefined) addHeader(command, "x-amz-content-sha256", sha256);
    return (await this.#timed().send(command, call)).ETag;
  }

  async delete(key: string, call: Call): Promise<void> {
    await this.#timed().send(new DeleteObjectCommand(this.#target(key)), call);
  }

  /** The client, with the server's time. It takes that by itself only when it is off by more than five minutes. */
  #timed(): S3Client {
    this.#client.config.systemClockOffset = this.#settings.clockOffsetMs();
    return this.#client;
  }

  #target(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.options.bucket, Key: key };
  }

  #customerKey(): { SSECustomerAlgorithm?: string; SSECustomerKey?: string } {
    const key = this.#settings.options.sse?.customerKey;
    return key === undefined ? {} : { SSECustomerAlgorithm: "AES256", SSECustomerKey: key };
  }
}

function configOf({ options, isCustom, endpoint, region, handler, collect, logger, credentials }: S3Settings): S3ClientConfig {
  return {
    maxAttempts: 1,
    retryMode: "standard",
    forcePathStyle: options.forcePathStyle ?? isCustom,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // "Expect: 100-continue" costs a round trip, and some servers never answer it.
    expectContinueHeader: false,
    requestHandler: handler,
    streamCollector: collect,
    logger,
    ...(endpoint === undefined ? {} : { endpoint, useDualstackEndpoint: false, useFipsEndpoint: false }),
    ...(region === undefined ? {} : { region }),
    ...credentialsConfig(credentials),
  };
}

function credentialsConfig(credentials: S3Settings["credentials"]): Pick<S3ClientConfig, "credentials"> {
  if (credentials === undefined) return {};
  if (!("get" in credentials)) {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
  }
  return {
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials.get();
      // With a past expiration the SDK asks before every request, so that the cache alone decides.
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }), expiration: new Date(0) };
    },
  };
}

/** Sets a header before the request is signed. */
function addHeader(command: PutObjectCommand, name: string, value: string): void {
  command.middlewareStack.add(
    (next) => async (args) => {
      (args.request as { headers: Record<string, string> }).headers[name] = value;
      return next(args);
    },
    { step: "build", name: "headwaterPayloadHash" },
  );
}
