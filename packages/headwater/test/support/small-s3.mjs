// A small S3 server in a thread of its own, so that it also answers while the test's thread is blocked. It checks no
// signatures. The test controls it, and counts, through shared memory: the slots are those of small-s3.ts.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { control, slots } = workerData;
const shared = new Int32Array(control);
const objects = new Map();
const KINDS = { PUT: slots.puts, GET: slots.gets, HEAD: slots.heads, DELETE: slots.deletes };
const ERRORS = { 1: [503, "SlowDown"], 2: [403, "AccessDenied"] };

const server = createServer(async (request, reply) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const key = decodeURIComponent(pathname).split("/").slice(2).join("/");
  const isList = request.method === "GET" && key === "";
  Atomics.add(shared, isList ? slots.lists : KINDS[request.method], 1);
  const error = ERRORS[Atomics.load(shared, slots.fault)];
  // What was begun while the server was up is done.
  if (request.method === "PUT") await new Promise((resolve) => setTimeout(resolve, Atomics.load(shared, slots.putDelayMs)));
  if (error !== undefined) fail(reply, ...error);
  else if (isList) list(reply, searchParams);
  else if (request.method === "PUT") put(request, reply, key, Buffer.concat(chunks));
  else if (request.method === "DELETE") reply.writeHead(objects.delete(key) ? 204 : 204).end();
  else get(request, reply, key);
});

function put(request, reply, key, body) {
  const old = objects.get(key);
  const match = request.headers["if-match"];
  if (request.headers["if-none-match"] === "*" && old !== undefined) return fail(reply, 412, "PreconditionFailed");
  if (match !== undefined && old?.etag !== match) return fail(reply, old === undefined ? 404 : 412, "PreconditionFailed");
  const metadata = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith("x-amz-meta-")));
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  objects.set(key, { body, etag, metadata, modified: new Date() });
  reply.writeHead(200, { etag }).end();
}

function get(request, reply, key) {
  const object = objects.get(key);
  if (object === undefined) return fail(reply, 404, "NoSuchKey");
  const { body, etag, metadata, modified } = object;
  if (![undefined, etag].includes(request.headers["if-match"])) return fail(reply, 412, "PreconditionFailed");
  const headers = { etag, "last-modified": modified.toUTCString(), ...metadata };
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  if (range === null) return reply.writeHead(200, { ...headers, "content-length": body.length }).end(body);
  const start = range[1] === "" ? Math.max(0, body.length - Number(range[2])) : Number(range[1]);
  const end = range[1] === "" || range[2] === "" ? body.length : Math.min(body.length, Number(range[2]) + 1);
  if (start >= body.length) return fail(reply, 416, "InvalidRange");
  const part = body.subarray(start, end);
  reply
    .writeHead(206, { ...headers, "content-length": part.length, "content-range": `bytes ${start}-${end - 1}/${body.length}` })
    .end(part);
}

function list(reply, parameters) {
  const prefix = parameters.get("prefix") ?? "";
  const after = parameters.get("start-after") ?? "";
  const contents = [...objects]
    .filter(([key]) => key.startsWith(prefix) && key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { body, etag, modified }]) => {
      const fields = `<Key>${key}</Key><Size>${body.length}</Size><ETag>${etag}</ETag><LastModified>${modified.toISOString()}</LastModified>`;
      return `<Contents>${fields}</Contents>`;
    });
  const xml = `<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>${contents.length}</KeyCount>${contents.join("")}</ListBucketResult>`;
  reply.writeHead(200, { "content-type": "application/xml" }).end(xml);
}

function fail(reply, status, code) {
  reply.writeHead(status, { "content-type": "application/xml" }).end(`<Error><Code>${code}</Code><Message>test</Message></Error>`);
}

server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
