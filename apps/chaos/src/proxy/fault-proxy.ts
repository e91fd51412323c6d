import { Agent, createServer, type IncomingMessage, type RequestOptions, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "@headwater/core/testing";
import type { Tally } from "../tally.js";
import { type AskedFor, askedFor, bodyOf } from "./request.js";
import { type ProxyFault, type ProxyRule, strike } from "./rules.js";

/** A put that is held back: the server has not got it yet, or its client has not got the reply yet. */
export interface HeldPut {
  readonly key: string;
  /** Lets it go on; before it reached the server it does so even if its client is dead by now, as in a network. */
  release(): void;
  /** Before it reached the server: it never will. */
  drop(): void;
}

interface Catch {
  readonly where: "before" | "after";
  readonly keys: RegExp;
  readonly caught: (held: HeldPut) => void;
}

/** What happens to the n-th request, counted from 1, and perhaps to all later ones. */
export interface NthFault {
  readonly nth: number;
  readonly mode: "once" | "for ever";
  readonly fault: ProxyFault;
  /** Called when it strikes: before anything is done, and when the server has done it, where it gets it. */
  readonly onStrike?: () => void;
  readonly onDone?: () => void;
}

export interface FaultProxyOptions {
  /** The server, `http://host:port`. */
  readonly target: string;
  readonly random: SeededRandom;
  readonly rules: readonly ProxyRule[];
  /** Each fault is counted here, as `proxy: NAME`. */
  readonly faults: Tally;
  readonly nth?: NthFault;
}

/**
 * Stands before an S3 server on 127.0.0.1 and does to its requests what happens in networks. Headers pass as they are,
 * Host and all, since signatures cover them.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #options: FaultProxyOptions;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  #server: Server = createServer();
  #port = 0;
  #catches: Catch[] = [];
  /** Off: everything passes. */
  enabled = true;
  #requests = 0;
  #nthStruck = 0;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#target = new URL(options.target);
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    for (const { name } of options.rules) options.faults.add(`proxy: ${name}`, 0);
    await proxy.#listen();
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many requests came. */
  get requests(): number {
    return this.#requests;
  }

  /** How many met the fault of the n-th. */
  get nthStruck(): number {
    return this.#nthStruck;
  }

  /** Connections are refused for so long; those that are open are reset. */
  async refuseFor(durationMs: number): Promise<void> {
    await this.#stop();
    this.#options.faults.add("proxy: connections refused");
    await sleep(durationMs);
    await this.#listen();
  }

  /** Holds back the next put to such a key, before the server gets it or before its client gets the reply. */
  holdPut(where: "before" | "after", keys: RegExp): { readonly held: Promise<HeldPut>; cancel(): void } {
    let mine: Catch | undefined;
    const held = new Promise<HeldPut>((caught) => {
      mine = { where, keys, caught };
      this.#catches.push(mine);
    });
    return {
      held,
      cancel: () => {
        this.#catches = this.#catches.filter((other) => other !== mine);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#agent.destroy();
  }

  async #listen(): Promise<void> {
    this.#server = createServer((incoming, reply) => void this.#serve(incoming, reply));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
    await new Promise<void>((ready, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", ready);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const asked = askedFor(incoming);
    reply.on("error", () => undefined);
    try {
      const body = await bodyOf(incoming);
      const faults = this.#faultsOf(asked);
      if (await this.#dropped("before", asked)) return reset(incoming);
      await this.#exchange(incoming, body, reply, asked, faults);
    } catch {
      reset(incoming); // the client is gone, or the server
    }
  }

  #faultsOf(asked: AskedFor): ProxyFault[] {
    this.#requests += 1;
    if (!this.enabled) return [];
    const { rules, random, faults, nth } = this.#options;
    const struck = strike(rules, asked, random);
    for (const { name } of struck) faults.add(`proxy: ${name}`);
    const list = struck.map(({ fault }) => fault);
    if (nth === undefined || this.#requests < nth.nth || (nth.mode === "once" && this.#requests > nth.nth)) return list;
    this.#nthStruck += 1;
    nth.onStrike?.();
    return [nth.fault, ...list];
  }

  async #exchange(
    incoming: IncomingMessage,
    body: Buffer,
    reply: ServerResponse,
    asked: AskedFor,
    faults: readonly ProxyFault[],
  ): Promise<void> {
    for (const fault of faults) if (fault.kind === "delay") await sleep(this.#delayMs(fault));
    const ending = faults.find(({ kind }) => kind !== "delay" && kind !== "late reply");
    if (ending?.kind === "request lost") return reset(incoming);
    if (ending?.kind === "status") return answer(reply, ending.status, ending.retryAfterS);
    if (ending?.kind === "reset in the body") {
      await this.#forwardHalf(incoming, body);
      return reset(incoming);
    }
    const { status, headers, content } = await this.#forward(incoming, body);
    if (this.#options.nth !== undefined && ending === this.#options.nth.fault) this.#options.nth.onDone?.();
    for (const fault of faults) if (fault.kind === "late reply") await sleep(fault.ms);
    if (ending?.kind === "reply lost" || (await this.#dropped("after", asked))) return reset(incoming);
    if (ending?.kind === "status after all") return answer(reply, ending.status);
    reply.writeHead(status, headers);
    if (ending?.kind !== "truncated reply" && ending?.kind !== "stalled reply") return void reply.end(content);
    reply.flushHeaders();
    reply.write(content.subarray(0, Math.floor(content.byteLength / 2)), () => {
      if (ending.kind === "truncated reply") reset(incoming);
    });
  }

  #delayMs({ ms, tailMs = 0 }: ProxyFault & { kind: "delay" }): number {
    const { random } = this.#options;
    return random.chance(0.1) ? ms + random.below(tailMs + 1) : ms;
  }

  /** Waits where somebody wants to hold this put back; to whether it was dropped. */
  async #dropped(where: Catch["where"], { operation, key }: AskedFor): Promise<boolean> {
    const wanted = this.#catches.find((c) => c.where === where && operation === "put" && c.keys.test(key));
    if (wanted === undefined) return false;
    this.#catches = this.#catches.filter((c) => c !== wanted);
    return await new Promise((resolve) => wanted.caught({ key, release: () => resolve(false), drop: () => resolve(true) }));
  }

  #forward(incoming: IncomingMessage, body: Buffer): Promise<{ status: number; headers: IncomingMessage["headers"]; content: Buffer }> {
    return new Promise((resolve, reject) => {
      const onward = request(this.#onward(incoming), (answered) => {
        bodyOf(answered).then((content) => resolve({ status: answered.statusCode ?? 502, headers: answered.headers, content }), reject);
      });
      onward.on("error", reject);
      onward.end(body);
    });
  }

  async #forwardHalf(incoming: IncomingMessage, body: Buffer): Promise<void> {
    const onward = request({ ...this.#onward(incoming), agent: false });
    onward.on("error", () => undefined);
    await new Promise<void>((sent) => onward.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => sent()));
    onward.destroy();
  }

  #onward({ method, url, headers }: IncomingMessage): RequestOptions {
    const { expect: _answeredHere, ...rest } = headers;
    const { hostname, port } = this.#target;
    return { hostname, port, method, path: url, headers: rest, agent: this.#agent };
  }
}

function reset({ socket }: IncomingMessage): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}

function answer(reply: ServerResponse, status: number, retryAfterS?: number): void {
  const code = status === 503 ? "SlowDown" : "InternalError";
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>by the fault proxy</Message></Error>`;
  reply.writeHead(status, {
    "content-type": "application/xml",
    ...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }),
  });
  reply.end(text);
}
