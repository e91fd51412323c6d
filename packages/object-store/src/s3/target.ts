import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import type { S3Settings } from "./settings.js";

/** Where a bucket answers. */
export interface Target {
  readonly protocol: "http:" | "https:";
  readonly hostname: string;
  readonly port: number | undefined;
  /** Before an object's key; begins and ends with a slash. */
  readonly path: string;
}

/** A bucket's name that can be part of a host's. */
const HOST_LABEL = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
/** Directory buckets, Outposts, Object Lambda: other hosts, other signatures. */
const SPECIAL_BUCKET = /--(x|op|ol|table)-s3$/;
/** AWS's main partition; the others have other domains. */
const MAIN_REGION = /^(us|eu|ap|sa|ca|me|af|il|mx)-(north|south|east|west|central|northeast|northwest|southeast|southwest)-\d{1,2}$/;
/** What moves AWS's endpoints, wherever a program sets it. */
const ENDPOINT_VARIABLES = [
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_S3",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_PROFILE",
];

/**
 * Where the objects are, in the cases in which that takes no more than a line of rules; `undefined` leaves it to the SDK,
 * which knows all of them. A test compares both.
 */
export function plainTarget({ options, isCustom, endpoint, region }: S3Settings): Target | undefined {
  const { bucket, forcePathStyle = isCustom } = options;
  if (SPECIAL_BUCKET.test(bucket)) return undefined;
  if (endpoint !== undefined) {
    const url = new URL(endpoint);
    const base = { protocol: url.protocol as Target["protocol"], port: url.port === "" ? undefined : Number(url.port) };
    const path = url.pathname.replace(/\/*$/, "/");
    if (url.hostname.includes("[")) return undefined;
    if (forcePathStyle) return { ...base, hostname: url.hostname, path: `${path}${bucket}/` };
    const isIp = /^[\d.]+$/.test(url.hostname);
    return HOST_LABEL.test(bucket) && !isIp ? { ...base, hostname: `${bucket}.${url.hostname}`, path } : undefined;
  }
  if (region === undefined || !MAIN_REGION.test(region) || !HOST_LABEL.test(bucket) || isEndpointConfigured()) return undefined;
  const host = `s3.${region}.amazonaws.com`;
  const base = { protocol: "https:", port: undefined } as const;
  return forcePathStyle ? { ...base, hostname: host, path: `/${bucket}/` } : { ...base, hostname: `${bucket}.${host}`, path: "/" };
}

/** The environment, or a configuration file that only the SDK reads, may say where AWS is. */
function isEndpointConfigured(): boolean {
  if (ENDPOINT_VARIABLES.some((name) => process.env[name] !== undefined)) return true;
  return existsSync(process.env["AWS_CONFIG_FILE"] ?? path.join(homedir(), ".aws", "config"));
}
