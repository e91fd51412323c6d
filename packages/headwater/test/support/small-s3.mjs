// A small S3 server in a thread of its own, so that it also answers while the test's thread is blocked. Of a signature it
// checks whose it is. The test controls it, and counts, through shared memory: the slots are those of small-s3.ts.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { gzipSync } from "node:zlib";

const { control, slots, accessKeyId } = workerData;
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
  const token = slots.token === undefined ? 0 : Atomics.load(shared, slots.token);
  const expired = token !== 0 && request.headers["x-amz-security-token"] !== `token-${token}`;
  const error = expired ? [400, "ExpiredToken"] : ERRORS[Atomics.load(shared, slots.fault)];
  // What was begun while the server was up is done.
  if (request.method === "PUT") await new Promise((resolve) => setTimeout(resolve, Atomics.load(shared, slots.putDelayMs)));
  if (error !== undefined) fail(reply, ...error);
  else if (!request.headers.authorization?.includes(`Credential=${accessKeyId}/`)) fail(reply, 403, "InvalidAccessKeyId");
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
  if (spoil(reply, headers, body, start, end)) return;
  reply
    .writeHead(206, { ...headers, "content-length": part.length, "content-range": `bytes ${start}-${end - 1}/${body.length}` })
    .end(part);
}

/** One of the faults of small-s3.ts, where one is due. */
function spoil(reply, headers, body, start, end) {
  const fault = Atomics.load(shared, slots.rangeFault);
  if (fault === 0 || Atomics.sub(shared, slots.rangeFaultsLeft, 1) <= 0) return false;
  const part = body.subarray(start, end);
  const send = (more, bytes) => {
    const range = `bytes ${start}-${end - 1}/${body.length}`;
    reply.writeHead(206, { ...headers, "content-length": bytes.length, "content-range": range, ...more }).end(bytes);
  };
  const breakOff = (then) => {
    const range = `bytes ${start}-${end - 1}/${body.length}`;
    reply.writeHead(206, { ...headers, "content-length": part.length, "content-range": range });
    reply.write(part.subarray(0, (part.length + 1) >> 1), then);
  };
  if (fault === 1) reply.writeHead(200, { ...headers, "content-length": body.length }).end(body);
  else if (fault === 2) send({ "content-encoding": "gzip" }, gzipSync(part));
  else if (fault === 3) send({ "content-range": `bytes ${start + 1}-${end}/${body.length + 1}` }, part);
  else if (fault === 4) send({}, part.subarray(0, part.length - 1));
  else if (fault === 5) breakOff(() => reply.socket?.end());
  else if (fault === 6) breakOff(() => {});
  else if (fault === 7) send({ etag: '"0123456789abcdef0123456789abcdef"' }, part);
  else if (fault === 8) fail(reply, 404, "NoSuchKey");
  else
    send(
      {},
      part.map((byte) => byte ^ 0x5a),
    );
  return true;
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
