import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * Checks a request as S3 does (AWS Signature Version 4, "Create a signed request"): the signature must be right for the
 * headers that arrived, and the body must have the hash that was signed.
 *
 * @param headers - As they arrived, or as a proxy rewrote them on the way.
 * @returns What is wrong, or nothing.
 */
export function signatureProblem(
  req: IncomingMessage,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  secretOf: (accessKeyId: string) => string | undefined,
): string | undefined {
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    headers["authorization"] ?? "",
  );
  if (parts === null) return "no signature";
  const [accessKeyId, scope, signedHeaders, signature] = parts.slice(1) as [string, string, string, string];
  const secret = secretOf(accessKeyId);
  if (secret === undefined) return "unknown access key";
  const hash = headers["x-amz-content-sha256"] ?? "";
  if (/^[0-9a-f]{64}$/.test(hash) && hash !== sha256(body)) return "the body is not the one that was signed";
  const url = new URL(req.url ?? "/", "http://host");
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [
    req.method,
    (req.url ?? "/").split("?")[0],
    query.join("&"),
    ...signedHeaders.split(";").map((name) => `${name}:${(headers[name] ?? "").trim()}`),
    "",
    signedHeaders,
    hash,
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${secret}`);
  return hmac(key, toSign).toString("hex") === signature ? undefined : "wrong signature";
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
