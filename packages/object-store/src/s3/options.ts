import { boolean, checkOptions, either, func, having, integer, OptionError, object, type Runtime, text } from "@headwater/core";
import type { Credentials } from "../credentials.js";
import { normalizeEndpoint } from "../store-url.js";

/** The name under which `./s3` exports them. */
export type S3Credentials = Credentials;

export interface S3StoreOptions {
  readonly bucket: string;
  /** An S3-compatible server; AWS itself if absent. */
  readonly endpoint?: string;
  /** Default: `AWS_REGION`, `AWS_DEFAULT_REGION`; then for a custom endpoint `us-east-1`, for AWS what its configuration files say. */
  readonly region?: string;
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. Default: true for a custom endpoint. */
  readonly forcePathStyle?: boolean;
  /** A function is asked when they are missing, near their expiration or refused as expired. Default: the usual AWS chain. */
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  /** Send `If-Match` without quotes, as some servers want it on a put. Default: found out at the first put that needs it. */
  readonly bareEtags?: boolean;
  /** Server-side encryption: with a KMS key's id, or with a key of the customer's own (32 bytes in base64; https only). */
  readonly sse?: { readonly kmsKeyId?: string; readonly customerKey?: string };
  /** A certificate authority in PEM, trusted beside the usual ones. */
  readonly ca?: string;
  /** How long a connection may say nothing, before the first byte and within a body. Default 10,000. */
  readonly idleTimeoutMs?: number;
  /** How long making a connection may take. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Connections, and so requests, at once; further calls wait. Default 64. */
  readonly socketsMax?: number;
  /** The largest object that a get without a range may bring. Default 1 GiB. */
  readonly bodyBytesMax?: number;
  /** Default: the system's. */
  readonly runtime?: Runtime;
}

/** Default of {@link S3StoreOptions.socketsMax}. */
export const SOCKETS_MAX: number = 64;

/** What may be skipped to reach the range where a server answers with the whole object. */
export const IGNORED_RANGE_BYTES_MAX: number = 64 * 1024 * 1024;

/** @throws {OptionError} `BAD_OPTION` or `BAD_URL`. */
export function checkS3Options(options: S3StoreOptions): void {
  const credentials = object({ accessKeyId: text, secretAccessKey: text, sessionToken: text, expiration: having("getTime") });
  checkOptions("S3 store", options as unknown as Readonly<Record<string, unknown>>, {
    bucket: text,
    endpoint: text,
    region: text,
    forcePathStyle: boolean,
    credentials: either(func, credentials),
    bareEtags: boolean,
    sse: object({ kmsKeyId: text, customerKey: text }),
    ca: text,
    idleTimeoutMs: integer(1),
    connectTimeoutMs: integer(1),
    socketsMax: integer(1),
    bodyBytesMax: integer(1),
    runtime: object({ clock: having("nowMs"), timers: having("sleep"), random: having("nextU32") }),
  });
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(options.bucket ?? ""))
    throw new OptionError("BAD_OPTION", 'S3 store: option "bucket": expected the name of a bucket');
  const { credentials: keys } = options;
  if (keys !== undefined && typeof keys !== "function" && (keys.accessKeyId === undefined || keys.secretAccessKey === undefined)) {
    throw new OptionError("BAD_OPTION", 'S3 store: option "credentials": expected accessKeyId and secretAccessKey');
  }
  if (options.endpoint !== undefined) normalizeEndpoint(options.endpoint);
  if (options.sse?.customerKey !== undefined && !/^[A-Za-z0-9+/]{43}=$/.test(options.sse.customerKey)) {
    throw new OptionError("BAD_OPTION", 'S3 store: option "sse.customerKey": expected 32 bytes in base64');
  }
}
