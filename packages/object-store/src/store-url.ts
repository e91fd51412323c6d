import { OptionError, redactUrl } from "@headwater/core";
import { KEY_BYTES_MAX } from "./keys.js";
import { type Parameters, parameterName, S3_PARAMETERS } from "./url-parameters.js";

/** What a URL says about an S3 store. Absent means: the store's default. */
export interface S3Parameters {
  /** An http or https URL without a path's end slash. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly forcePathStyle?: boolean;
  readonly bareEtags?: boolean;
}

/** What all kinds of store URL have. */
interface UrlParts {
  /** Where in the store the replica lies: without slashes at its ends, empty for the whole store. */
  readonly prefix: string;
  /** The parameters that are not the store's, decoded, in their order, for the caller to interpret or refuse. */
  readonly rest: readonly (readonly [name: string, value: string])[];
}

/** A URL taken apart: which store, and where in it. */
export type StoreUrl =
  | (UrlParts & { readonly kind: "s3"; readonly bucket: string; readonly parameters: S3Parameters })
  /** `dir` is an absolute path in the form of the platform that the URL was written for; `prefix` is empty. */
  | (UrlParts & { readonly kind: "file"; readonly dir: string })
  | (UrlParts & { readonly kind: "memory"; readonly name: string });

/**
 * Takes apart `s3://bucket/prefix?endpoint=...&region=...&forcePathStyle=true&bareEtags=true`, `file:///dir` and
 * `memory:name/prefix`. Store parameters may be camelCase, snake_case or kebab-case. Percent-encoding in paths is
 * decoded, repeated slashes count as one.
 *
 * @throws {OptionError} `BAD_URL` that says what is wrong and what was expected; the URL in it is redacted.
 */
export function parseStoreUrl(url: string | URL): StoreUrl {
  const text = String(url);
  const parsed = tryParse(text);
  switch (parsed.protocol) {
    case "s3:":
      return parseS3(parsed, text);
    case "file:":
      return parseFile(parsed, text);
    case "memory:":
      return parseMemory(parsed, text);
    default:
      throw bad(`unknown kind of store ${JSON.stringify(parsed.protocol)}; expected s3://bucket/prefix, file:///dir or memory:name`, text);
  }
}

function parseS3(url: URL, text: string): StoreUrl {
  if (!/^s3:\/\//i.test(text)) throw bad("expected s3://bucket/prefix", text);
  if (url.username !== "" || url.password !== "") {
    throw bad("credentials do not belong into a URL; give them as options or in the environment", text);
  }
  if (url.port !== "") throw bad("a bucket has no port; name the server with ?endpoint=http://host:port", text);
  const bucket = decode(url.hostname, text);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw bad("expected the name of a bucket after s3:// (letters, digits, dots, dashes, underscores)", text);
  }
  const { own, rest } = splitParameters(url, text, S3_PARAMETERS);
  return { kind: "s3", bucket, prefix: prefixOf(url.pathname, text), parameters: s3Parameters(own, text), rest };
}

function parseFile(url: URL, text: string): StoreUrl {
  // The URL parser reads "file:data" as "/data": a relative path that silently became an absolute one.
  if (!/^file:(\/\/(localhost)?\/|\/[^/])/i.test(text) || url.host !== "") {
    throw bad("expected an absolute path: file:///dir", text);
  }
  if (/%2f|%5c/i.test(url.pathname)) throw bad("an encoded slash in the path of a file", text);
  const path = decode(url.pathname, text).replace(/\/{2,}/g, "/");
  const dir = /^\/[A-Za-z]:(\/|$)/.test(path) ? path.slice(1) : path;
  const { rest } = splitParameters(url, text, []);
  return { kind: "file", dir: dir.length > 1 ? dir.replace(/(?<=[^:])\/$/, "") : dir, prefix: "", rest };
}

function parseMemory(url: URL, text: string): StoreUrl {
  if (url.pathname.startsWith("/") || url.host !== "")
    throw bad("expected memory:name or memory:name/prefix, without slashes before the name", text);
  const slash = url.pathname.indexOf("/");
  const name = decode(slash < 0 ? url.pathname : url.pathname.slice(0, slash), text);
  if (name === "") throw bad("expected a name: memory:name", text);
  const { rest } = splitParameters(url, text, []);
  return { kind: "memory", name, prefix: slash < 0 ? "" : prefixOf(url.pathname.slice(slash), text), rest };
}

function s3Parameters(own: Parameters, text: string): S3Parameters {
  const endpoint = own.get("endpoint");
  const region = own.get("region");
  const forcePathStyle = flag(own, "forcePathStyle", text);
  const bareEtags = flag(own, "bareEtags", text);
  if (region !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(region))
    throw bad("the region holds other than letters, digits and dashes", text);
  return {
    ...(endpoint === undefined ? {} : { endpoint: checkEndpoint(endpoint, text) }),
    ...(region === undefined ? {} : { region }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(bareEtags === undefined ? {} : { bareEtags }),
  };
}

/**
 * An endpoint as a URL without a slash at its end. Without a scheme it is https, but http for this machine.
 *
 * @throws {OptionError} `BAD_URL`.
 */
export function normalizeEndpoint(endpoint: string): string {
  return checkEndpoint(endpoint, endpoint);
}

function checkEndpoint(endpoint: string, text: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint);
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i.test(endpoint);
  let url: URL;
  try {
    url = new URL(hasScheme ? endpoint : `${isLocal ? "http" : "https"}://${endpoint}`);
  } catch {
    throw bad("the endpoint is not a URL; expected for example https://storage.example.com", text);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw bad("the endpoint must be an http or https URL", text);
  if (url.username !== "" || url.password !== "")
    throw bad("the endpoint holds credentials; give them as options or in the environment", text);
  if (url.search !== "" || url.hash !== "") throw bad("the endpoint holds a query; encode it, or put its parameters behind an &", text);
  return url.toString().replace(/\/+$/, "");
}

function flag(own: Parameters, name: string, text: string): boolean | undefined {
  const value = own.get(name);
  if (value === undefined || value === "true" || value === "false") return value === undefined ? undefined : value === "true";
  throw bad(`parameter ${name}: expected true or false`, text);
}

function splitParameters(url: URL, text: string, known: readonly string[]): { own: Parameters; rest: [string, string][] } {
  if (url.hash !== "") throw bad("a fragment (#...) means nothing here; write a # in a name as %23", text);
  const own = new Map<string, string>();
  const rest: [string, string][] = [];
  for (const [name, value] of url.searchParams) {
    const canonical = known.includes(parameterName(name)) ? parameterName(name) : undefined;
    if (canonical === undefined) rest.push([name, value]);
    else if (own.has(canonical)) throw bad(`parameter ${canonical} is given twice`, text);
    else if (value === "") throw bad(`parameter ${canonical} is empty`, text);
    else own.set(canonical, value);
  }
  return { own, rest };
}

function prefixOf(pathname: string, text: string): string {
  const prefix = decode(pathname, text)
    .replace(/\/{2,}/g, "/")
    .replace(/^\/|\/$/g, "");
  if (/[\p{Cc}\\]/u.test(prefix)) throw bad("the prefix holds a control character or a backslash", text);
  if (prefix.split("/").some((segment) => segment === "." || segment === "..")) throw bad('the prefix holds a "." or ".." segment', text);
  // Room for the longest key below it.
  if (new TextEncoder().encode(prefix).byteLength > KEY_BYTES_MAX - 128)
    throw bad(`the prefix is longer than ${KEY_BYTES_MAX - 128} bytes`, text);
  return prefix;
}

function tryParse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw bad("not a URL; expected s3://bucket/prefix, file:///dir or memory:name", text);
  }
}

function decode(part: string, text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw bad("a broken percent-encoding", text);
  }
  if (decoded.includes("\0")) throw bad("a zero character", text);
  return decoded;
}

function bad(problem: string, text: string): OptionError {
  return new OptionError("BAD_URL", `bad store URL: ${problem}; url=${redactUrl(text)}`);
}
