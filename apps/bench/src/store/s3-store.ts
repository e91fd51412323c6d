import { type Bucket, bytesContent, partOf, type StoredObject } from "./bucket.js";
import { escapeXml, listObjects } from "./listing.js";
import { header, type Store, type StoreReply, type StoreRequest } from "./message.js";

const EMPTY = bytesContent(new Uint8Array(0));

/**
 * As much of S3 as the contenders use, with path-style addresses, from memory: so that no disk and no other process has a
 * part in what is measured. Signatures are not checked.
 *
 * @see Amazon S3 API Reference
 */
export function s3Store(bucket: Bucket): Store {
  return (request) => {
    const url = new URL(request.url, "http://store");
    const [, name = "", ...parts] = url.pathname.split("/");
    const key = decodeURIComponent(parts.join("/"));
    if (key === "") return onBucket(bucket, name, request, url.searchParams);
    switch (request.method) {
      case "GET":
      case "HEAD":
        return getObject(bucket, key, request);
      case "PUT":
        return putObject(bucket, key, request);
      case "DELETE":
        bucket.delete(key);
        return reply(204);
      default:
        return failure(501, "NotImplemented");
    }
  };
}

function onBucket(bucket: Bucket, name: string, request: StoreRequest, query: URLSearchParams): StoreReply {
  if (request.method === "GET" && query.has("location"))
    return xml(`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">us-east-1</LocationConstraint>`);
  if (request.method === "GET") return xml(listObjects(bucket, name, query));
  if (request.method === "HEAD") return reply(200);
  if (request.method === "POST" && query.has("delete")) return deleteObjects(bucket, request);
  return failure(501, "NotImplemented");
}

function deleteObjects(bucket: Bucket, request: StoreRequest): StoreReply {
  const keys = [
    ...Buffer.from(request.body)
      .toString()
      .matchAll(/<Key>([^<]*)<\/Key>/g),
  ].map((match) => match[1] ?? "");
  for (const key of keys) bucket.delete(key);
  return xml(`<DeleteResult>${keys.map((key) => `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`).join("")}</DeleteResult>`);
}

function getObject(bucket: Bucket, key: string, request: StoreRequest): StoreReply {
  const found = bucket.get(key);
  if (found === undefined) return failure(404, "NoSuchKey");
  const ifMatch = header(request, "if-match");
  if (ifMatch !== undefined && !matches(ifMatch, found)) return failure(412, "PreconditionFailed");
  const { size } = found.content;
  const headers = describe(found);
  if (request.method === "HEAD") return { status: 200, headers: { ...headers, "content-length": String(size) }, body: EMPTY };
  const range = header(request, "range");
  if (range === undefined) return { status: 200, headers, body: found.content };
  const [start, end] = resolveRange(range, size);
  if (start >= end) return failure(416, "InvalidRange");
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${end - 1}/${size}` },
    body: partOf(found.content, start, end),
  };
}

/** Half-open; empty where it can't be satisfied. */
function resolveRange(range: string, size: number): [start: number, end: number] {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  const [, first = "", last = ""] = match ?? [];
  if (first === "") return last === "" ? [0, 0] : [Math.max(0, size - Number(last)), size];
  return [Number(first), last === "" ? size : Math.min(size, Number(last) + 1)];
}

function putObject(bucket: Bucket, key: string, request: StoreRequest): StoreReply {
  const found = bucket.get(key);
  if (header(request, "if-none-match") === "*" && found !== undefined) return failure(412, "PreconditionFailed");
  const ifMatch = header(request, "if-match");
  if (ifMatch !== undefined && found === undefined) return failure(404, "NoSuchKey");
  if (ifMatch !== undefined && found !== undefined && !matches(ifMatch, found)) return failure(412, "PreconditionFailed");
  const metadata: Record<string, string> = {};
  for (const name of Object.keys(request.headers)) {
    if (name.startsWith("x-amz-meta-")) metadata[name.slice("x-amz-meta-".length)] = header(request, name) ?? "";
  }
  const source = header(request, "x-amz-copy-source");
  if (source !== undefined) return copyObject(bucket, key, source, metadata);
  const chunked = header(request, "x-amz-content-sha256")?.startsWith("STREAMING-") === true;
  const object = bucket.put(key, chunked ? decodeChunks(request.body) : request.body, metadata);
  return reply(200, { etag: object.etag });
}

function copyObject(bucket: Bucket, key: string, source: string, metadata: Record<string, string>): StoreReply {
  const from = decodeURIComponent(source).replace(/^\/?[^/]*\//, "");
  const found = bucket.get(from);
  if (found === undefined) return failure(404, "NoSuchKey");
  const object = bucket.put(key, found.content.read(0, found.content.size), { ...found.metadata, ...metadata });
  const modified = new Date(object.lastModifiedMs).toISOString();
  return xml(`<CopyObjectResult><LastModified>${modified}</LastModified><ETag>${escapeXml(object.etag)}</ETag></CopyObjectResult>`);
}

/** The payload of an aws-chunked body. @see Amazon S3, "Signature calculations: transferring a payload in multiple chunks" */
export function decodeChunks(body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const chunks: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`malformed aws-chunked body; offset=${at}`);
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

function matches(etag: string, object: StoredObject): boolean {
  return etag.replace(/"/g, "") === object.etag.replace(/"/g, "");
}

function describe(object: StoredObject): Record<string, string> {
  const headers: Record<string, string> = {
    etag: object.etag,
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "last-modified": new Date(object.lastModifiedMs).toUTCString(),
  };
  for (const [name, value] of Object.entries(object.metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

function reply(status: number, headers: Record<string, string> = {}): StoreReply {
  return { status, headers, body: EMPTY };
}

function xml(text: string): StoreReply {
  return { status: 200, headers: { "content-type": "application/xml" }, body: bytesContent(Buffer.from(text)) };
}

function failure(status: number, code: string): StoreReply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  return { status, headers: { "content-type": "application/xml" }, body: bytesContent(Buffer.from(body)) };
}
