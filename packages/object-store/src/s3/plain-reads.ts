import { systemRuntime } from "@headwater/core/node/runtime";
import type { SignatureV4 } from "@smithy/signature-v4";
import { CredentialsCache } from "./credentials.js";
import { parseListReply } from "./list-reply.js";
import type { S3Credentials } from "./options.js";
import { type Call, collectBounded, emptyReply, type RecordingHandler, type Reply } from "./recording-handler.js";
import type { GetInput, GetOutput, ListInput, ListOutput, ReadRequests } from "./requests.js";
import type { S3Settings } from "./settings.js";
import { createSigner } from "./signer.js";
import { plainTarget, type Target } from "./target.js";

/** SHA-256 of no bytes. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/**
 * GET and LIST without the SDK's client: the same requests, signed by its signer and sent by its handler. What a cold
 * start waits for is mostly the client: it takes 50 to 150 ms to load and 4 times as long for each request.
 */
export class PlainReads implements ReadRequests {
  readonly #target: Target;
  readonly #host: string;
  readonly #settings: S3Settings;
  readonly #signer: SignatureV4;
  readonly #full: () => Promise<ReadRequests>;

  private constructor(settings: S3Settings, target: Target, signer: SignatureV4, full: () => Promise<ReadRequests>) {
    const { hostname, port } = target;
    this.#target = target;
    this.#host = port === undefined ? hostname : `${hostname}:${port}`;
    this.#settings = settings;
    this.#signer = signer;
    this.#full = full;
  }

  /**
   * `undefined` where the SDK is needed: for what AWS's configuration files say, for special buckets and keys.
   *
   * @param full - The SDK's way, for a reply that takes more to read than is known here.
   */
  static create(settings: S3Settings, full: () => Promise<ReadRequests>): PlainReads | undefined {
    const { region, options } = settings;
    const target = plainTarget(settings);
    const credentials = settings.credentials ?? environmentCredentials();
    if (target === undefined || region === undefined || credentials === undefined || options.sse?.customerKey !== undefined)
      return undefined;
    const provider = credentials instanceof CredentialsCache ? () => credentials.get() : async () => credentials;
    return new PlainReads(settings, target, createSigner(region, provider), full);
  }

  async get({ key, range, ifMatch }: GetInput, call: Call): Promise<GetOutput> {
    const path = this.#target.path + key.split("/").map(escapeSegment).join("/");
    await this.#send(
      path,
      {},
      { ...(range === undefined ? {} : { range }), ...(ifMatch === undefined ? {} : { "if-match": ifMatch }) },
      call,
    );
    const metadata: Record<string, string> = {};
    for (const [name, value] of Object.entries(call.reply.headers)) {
      if (name.startsWith("x-amz-meta-")) metadata[name.slice("x-amz-meta-".length)] = value;
    }
    return { metadata };
  }

  async list(input: ListInput, call: Call): Promise<ListOutput> {
    const { prefix, maxKeys, startAfter, token } = input;
    const query = {
      "list-type": "2",
      prefix,
      ...(maxKeys === undefined ? {} : { "max-keys": String(maxKeys) }),
      ...(startAfter === undefined ? {} : { "start-after": startAfter }),
      ...(token === undefined ? {} : { "continuation-token": token }),
    };
    await this.#send(this.#target.path, query, {}, call);
    const output = parseListReply(await textOf(call.reply));
    if (output !== undefined) return output;
    const full = await this.#full();
    Object.assign(call.reply, emptyReply());
    return full.list(input, call);
  }

  async #send(path: string, query: Record<string, string>, headers: Record<string, string>, call: Call): Promise<void> {
    const { protocol, hostname, port } = this.#target;
    const request = {
      method: "GET",
      protocol,
      hostname,
      ...(port === undefined ? {} : { port }),
      path,
      query,
      headers: { host: this.#host, "user-agent": "headwater", "x-amz-content-sha256": EMPTY_SHA256, ...headers },
    };
    const signed = await this.#signer.sign(request, {
      signingDate: new Date(systemRuntime.clock.nowMs() + this.#settings.clockOffsetMs()),
    });
    await this.#settings.handler.handle(
      signed as Parameters<RecordingHandler["handle"]>[0],
      call as Parameters<RecordingHandler["handle"]>[1],
    );
    if (call.reply.status === undefined || call.reply.status >= 300) throw await errorOf(call.reply);
  }
}

/** The first place where the SDK looks for credentials, unless a profile was named. */
function environmentCredentials(): S3Credentials | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY || AWS_PROFILE !== undefined) return undefined;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
  };
}

/** Everything but what RFC 3986 calls unreserved. */
function escapeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function textOf({ body }: Reply): Promise<string> {
  return body === undefined ? "" : new TextDecoder().decode(await collectBounded(body));
}

/** The server's code as the error's name; of the rest nothing. */
async function errorOf(reply: Reply): Promise<Error> {
  const code = /<Code>\s*([\w.-]{1,64})\s*<\/Code>/.exec(await textOf(reply))?.[1];
  return Object.assign(new Error(`the server answered ${reply.status}`), { name: code ?? "Unknown" });
}
