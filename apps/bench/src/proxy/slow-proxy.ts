import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { monotonicMs } from "../clock.js";
import type { Content } from "../store/bucket.js";
import type { Store } from "../store/message.js";
import { kindOf, type LoggedRequest } from "./request-log.js";

export interface Network {
  /** Between the end of a request and the first byte of its reply. */
  readonly latencyMs: number;
  /** Of each connection, in bytes a second, for replies. No limit if absent. */
  readonly bytesPerSecond?: number;
}

const CHUNK_BYTES = 64 * 1024;
/** Longer than any pause in a run, so that connections are closed by the contenders alone. */
const KEEP_ALIVE_MS = 120_000;

/** The one way to the store: an HTTP server on loopback that makes every reply late, and counts. */
export class SlowProxy {
  /** What a request meets; may be changed between runs. */
  network: Network = { latencyMs: 0 };
  readonly #server: Server;
  readonly #store: Store;
  #log: LoggedRequest[] = [];
  #underWay = 0;

  private constructor(store: Store) {
    this.#store = store;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) => {
      this.#underWay += 1;
      this.#answer(request, response)
        .catch((error: unknown) => response.destroy(error as Error))
        .finally(() => {
          this.#underWay -= 1;
        });
    });
  }

  static async listen(store: Store): Promise<SlowProxy> {
    const proxy = new SlowProxy(store);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Gives out what was logged since the last call, in the order of the replies' ends. */
  takeLog(): readonly LoggedRequest[] {
    const log = this.#log;
    this.#log = [];
    return log;
  }

  /** Waits until no request is under way. */
  async idle(): Promise<void> {
    while (this.#underWay > 0) await sleep(1);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = monotonicMs();
    const { method = "", url = "" } = request;
    const { latencyMs, bytesPerSecond } = this.network;
    const body = await buffer(request);
    const repliesAtMs = monotonicMs() + latencyMs;
    const reply = await this.#store({ method, url, headers: request.headers, body });
    await until(repliesAtMs);
    const sent = { bytes: 0 };
    const length = method === "HEAD" ? {} : { "content-length": String(reply.body.size) };
    response.writeHead(reply.status, { ...length, ...reply.headers });
    try {
      await pipeline(paced(reply.body, bytesPerSecond, sent), response);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // the client has gone
    } finally {
      const kind = kindOf(method, url);
      this.#log.push({ kind, url, status: reply.status, startMs, endMs: monotonicMs(), bytesIn: body.byteLength, bytesOut: sent.bytes });
    }
  }
}

async function until(atMs: number): Promise<void> {
  const leftMs = atMs - monotonicMs();
  if (leftMs >= 1) await sleep(Math.ceil(leftMs));
  // Timers count in whole milliseconds of the loop's own time, and may fire somewhat early.
  while (monotonicMs() < atMs) await turn();
}

async function* paced(body: Content, bytesPerSecond: number | undefined, sent: { bytes: number }): AsyncGenerator<Uint8Array> {
  const startedAtMs = monotonicMs();
  for (let at = 0; at < body.size; at += CHUNK_BYTES) {
    const chunk = body.read(at, Math.min(body.size, at + CHUNK_BYTES));
    sent.bytes += chunk.byteLength;
    yield chunk;
    if (bytesPerSecond !== undefined) await until(startedAtMs + (sent.bytes / bytesPerSecond) * 1000);
  }
}
