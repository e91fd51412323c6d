import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./scratch.js";

/** What a request asks for: bytes of a range, where it has one. */
export interface Asked {
  readonly method: string;
  readonly rangeBytes: number | undefined;
}

/** Stands before an S3 server on 127.0.0.1 and holds back the requests that a test chooses, until it lets them go. */
export class S3Proxy implements AsyncDisposable {
  readonly endpoint: string;
  /** Which requests to hold back from now on. */
  holdBack: (asked: Asked) => boolean = () => false;
  readonly #server: Server;
  readonly #target: URL;
  #held: (() => void)[] = [];

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (incoming: IncomingMessage, reply: ServerResponse) => void this.#serve(incoming, reply));
  }

  static async start(target: string): Promise<S3Proxy> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return new S3Proxy(server, new URL(target));
  }

  /** How many requests it holds back at the moment. */
  get held(): number {
    return this.#held.length;
  }

  untilHeld(what: string): Promise<void> {
    return until(`${what} is held back`, () => this.held > 0);
  }

  /** Lets everything go, and holds back nothing more. */
  release(): void {
    this.holdBack = () => false;
    for (const go of this.#held.splice(0)) go();
  }

  async #serve(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    if (this.holdBack(askedOf(incoming))) await new Promise<void>((go) => this.#held.push(go));
    // As it is, Host and all: the signature covers it.
    const { hostname, port } = this.#target;
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    onward.on("error", () => reply.destroy());
    reply.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

function askedOf({ method = "", headers }: IncomingMessage): Asked {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
  return { method, rangeBytes: range === null ? undefined : Number(range[2]) - Number(range[1]) + 1 };
}
