import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { S3ObjectStore, type S3StoreOptions } from "../../src/s3.js";
import { signatureProblem } from "./signature.js";

export const BUCKET = "rogue";
export const ACCESS_KEY = "rogue-access-key";
export const SECRET_KEY = "rogue-secret-key";

/** One request with its whole body. */
export interface RogueRequest {
  readonly req: IncomingMessage;
  /** 1 for the first that the server got. */
  readonly number: number;
  readonly method: string;
  /** Empty for a listing. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Answers a request in its own way and says true, or leaves it to the server. */
export type Misbehaviour = (request: RogueRequest, res: ServerResponse) => boolean | Promise<boolean> | undefined;

export interface RogueObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

/**
 * As much of an S3 server as the store needs, on 127.0.0.1, that a test can make misbehave: `misbehave` sees every
 * request first. Checks signatures as the real one does.
 */
export class RogueServer {
  readonly objects: Map<string, RogueObject> = new Map();
  readonly requests: RogueRequest[] = [];
  readonly sockets: Set<Socket> = new Set();
  /** Secrets by access key id. */
  readonly keys: Map<string, string> = new Map([[ACCESS_KEY, SECRET_KEY]]);
  misbehave: Misbehaviour = () => false;
  /** What a proxy in front of the server does to the headers before the signature is checked. */
  rewrite: (headers: Record<string, string>) => void = () => {};
  /** Added to the server's clock. */
  skewMs = 0;
  /** Thrown by the server's own code, so that a mistake there does not look like a fault of the store. */
  failure: unknown;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (req, res) => {
      this.#serve(req, res).catch((error: unknown) => {
        this.failure ??= error;
        res.destroy();
      });
    });
    this.#server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => {}); // Resets are what this is about.
    });
  }

  static async start(): Promise<RogueServer> {
    const server = new RogueServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A store on this server; close it. */
  store(options: Partial<S3StoreOptions> = {}): S3ObjectStore {
    const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
    return new S3ObjectStore({ bucket: BUCKET, endpoint: this.endpoint, credentials, ...options });
  }

  /** Puts an object in place without a request. */
  hold(key: string, body: Uint8Array): RogueObject {
    const object = { body, etag: `"${createHash("md5").update(body).digest("hex")}"` };
    this.objects.set(key, object);
    return object;
  }

  /** Requests of one kind so far. */
  count(method: string): number {
    return this.requests.filter((r) => r.method === method).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.failure !== undefined) throw this.failure;
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const url = new URL(req.url ?? "/", this.endpoint);
    const [bucket, ...rest] = decodeURIComponent(url.pathname).slice(1).split("/");
    const headers = Object.fromEntries(Object.entries(req.headers).map(([name, value]) => [name, String(value)]));
    const body = new Uint8Array(Buffer.concat(chunks));
    const number = this.requests.length + 1;
    const request = { req, number, method: req.method ?? "", key: rest.join("/"), query: url.searchParams, headers, body };
    this.requests.push(request);
    res.setHeader("date", new Date(Date.now() + this.skewMs).toUTCString());
    res.setHeader("x-amz-request-id", `request-${number}`);
    if ((await this.misbehave(request, res)) === true) return;
    const seen = { ...headers };
    this.rewrite(seen);
    const problem = signatureProblem(req, seen, body, (id) => this.keys.get(id));
    if (problem === "unknown access key") return sendError(res, 403, "InvalidAccessKeyId", problem);
    if (problem !== undefined) return sendError(res, 403, "SignatureDoesNotMatch", problem);
    if (Math.abs(signedAtMs(headers) - Date.now() - this.skewMs) > 15 * 60_000) return sendError(res, 403, "RequestTimeTooSkewed");
    if (bucket !== BUCKET) return sendError(res, 404, "NoSuchBucket");
    this.#answer(request, res);
  }

  #answer(request: RogueRequest, res: ServerResponse): void {
    const { method, key } = request;
    const object = this.objects.get(key);
    if (method === "GET" && key === "") this.#list(request, res);
    else if (method === "PUT") this.#put(request, res);
    else if (method === "DELETE") {
      this.objects.delete(key);
      res.writeHead(204).end();
    } else if (object === undefined) sendError(res, 404, "NoSuchKey");
    else if (method === "HEAD") res.writeHead(200, { etag: object.etag, "content-length": object.body.byteLength }).end();
    else this.#get(request, object, res);
  }

  #get({ headers }: RogueRequest, object: RogueObject, res: ServerResponse): void {
    const { range, "if-match": ifMatch } = headers;
    const extent = extentOf(range, object.body.byteLength);
    if (ifMatch !== undefined && ifMatch !== object.etag) sendError(res, 412, "PreconditionFailed");
    else if (extent === undefined) sendError(res, 416, "InvalidRange");
    else sendPart(res, object, extent.start, extent.end, range !== undefined);
  }

  #put({ key, headers, body }: RogueRequest, res: ServerResponse): void {
    const old = this.objects.get(key);
    const isLost =
      (headers["if-none-match"] === "*" && old !== undefined) ||
      (headers["if-match"] !== undefined && headers["if-match"] !== (old?.etag ?? ""));
    if (isLost) sendError(res, 412, "PreconditionFailed");
    else res.writeHead(200, { etag: this.hold(key, body).etag }).end();
  }

  #list({ query }: RogueRequest, res: ServerResponse): void {
    const prefix = query.get("prefix") ?? "";
    const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
    const keys = [...this.objects.keys()].sort().filter((key) => key.startsWith(prefix) && key > after);
    const page = keys.slice(0, Number(query.get("max-keys") ?? 1000));
    const isTruncated = page.length < keys.length;
    sendList(res, this.#rows(page), isTruncated, isTruncated ? page.at(-1) : undefined);
  }

  #rows(keys: readonly string[]): { key: string; object: RogueObject }[] {
    return keys.flatMap((key) => {
      const object = this.objects.get(key);
      return object === undefined ? [] : [{ key, object }];
    });
  }
}

export function sendError(res: ServerResponse, status: number, code: string, message = "no"): void {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  res.writeHead(status, { "content-type": "application/xml" }).end(xml);
}

/** A right answer with bytes `start` up to `end` of an object; headers given last win. */
export function sendPart(
  res: ServerResponse,
  object: RogueObject,
  start: number,
  end: number,
  isRange: boolean,
  headers: Readonly<Record<string, string>> = {},
): void {
  const range = isRange ? { "content-range": `bytes ${start}-${end - 1}/${object.body.byteLength}` } : {};
  res.writeHead(isRange ? 206 : 200, { etag: object.etag, "content-length": String(end - start), ...range, ...headers });
  res.end(object.body.subarray(start, end));
}

/** Where a Range header points to in `size` bytes; nothing where no byte of it is there. */
export function extentOf(range: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? "");
  if (match === null) return { start: 0, end: size };
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  return start < end ? { start, end } : undefined;
}

export function sendList(res: ServerResponse, rows: { key: string; object: RogueObject }[], isTruncated: boolean, token?: string): void {
  const contents = rows.map(
    ({ key, object }) =>
      `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>${object.etag.replaceAll('"', "&quot;")}</ETag><Size>${object.body.byteLength}</Size></Contents>`,
  );
  const next = token === undefined ? "" : `<NextContinuationToken>${token}</NextContinuationToken>`;
  res.writeHead(200, { "content-type": "application/xml" });
  res.end(`<?xml version="1.0"?><ListBucketResult>${contents.join("")}<IsTruncated>${isTruncated}</IsTruncated>${next}</ListBucketResult>`);
}

function signedAtMs(headers: Readonly<Record<string, string>>): number {
  const iso = (headers["x-amz-date"] ?? "").replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5");
  return Date.parse(iso);
}
