import { HeadwaterError, type Runtime } from "@headwater/core";
import type { ByteRange, ETag, GetOptions, GetResult } from "../port.js";
import { preconditionFailed } from "../store-errors.js";
import { garbled } from "./errors.js";
import type { Reply } from "./recording-handler.js";
import { bodyExtent, dateOf, normalizeEtag } from "./replies.js";

/** One GET up to its headers. Throws the port's errors. */
export type SendGet = (
  range: ByteRange | undefined,
  ifMatch: ETag | undefined,
) => Promise<{ reply: Reply; metadata: Readonly<Record<string, string>> }>;

export interface DownloadContext {
  readonly key: string;
  readonly store: string;
  readonly bodyBytesMax: number;
  readonly runtime: Runtime;
  readonly send: SendGet;
  /** Turns what a body's stream threw into one of the port's errors. */
  readonly translate: (error: unknown) => Error;
}

/** Failures in a row that bring no byte, after which the whole is given up. */
const BARREN_MAX = 3;
/** However little each brings, the parts of one body are bounded. */
const PARTS_MAX = 100;

/** What the first reply said; later ones must agree. */
interface Plan {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly etag: ETag;
  readonly dateMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One object or range of it, resumed at the byte received when its body breaks off. */
export class Download {
  readonly #context: DownloadContext;
  readonly #options: GetOptions;
  #plan: Plan | undefined;
  #body: Uint8Array = new Uint8Array();
  #received = 0;

  constructor(context: DownloadContext, options: GetOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<GetResult> {
    const { runtime } = this.#context;
    for (let parts = 1, barren = 0; ; parts += 1) {
      const before = this.#received;
      try {
        await this.#part();
        return this.#result();
      } catch (error) {
        if (this.#plan === undefined) throw error;
        if (this.#isWhole()) return this.#result(); // It broke off behind the last byte.
        barren = this.#received > before ? 0 : barren + 1;
        const isChanged = HeadwaterError.is(error) && error.code === "STORE_PRECONDITION" && parts > 1;
        if (isChanged && this.#options.ifMatch === undefined) throw this.#changed(error);
        if (!HeadwaterError.is(error) || !error.retryable || barren >= BARREN_MAX || parts >= PARTS_MAX) throw error;
        if (barren > 0) await runtime.timers.sleep(25 * 2 ** barren * (1 + runtime.random.nextU32() / 2 ** 32), this.#options.signal);
      }
    }
  }

  async #part(): Promise<void> {
    const { key, store, send, translate } = this.#context;
    const plan = this.#plan;
    const range = plan === undefined ? this.#options.range : { start: plan.start + this.#received, end: plan.end };
    const ifMatch = plan?.etag ?? this.#options.ifMatch;
    const { reply, metadata } = await send(range, ifMatch);
    const stream = reply.body;
    if (stream === undefined) throw garbled("no body", key, store);
    let isRead = false;
    try {
      const etag = normalizeEtag(reply.headers["etag"]);
      if (etag === undefined) throw garbled("no ETag", key, store);
      // Not every server looks at If-Match on a GET.
      if (ifMatch !== undefined && etag !== ifMatch) throw preconditionFailed(key, store);
      const { skip, start, end, size } = bodyExtent(reply, range, key, store);
      if (plan !== undefined && size !== plan.size) throw garbled("another size under the same ETag", key, store);
      isRead = true;
      const dateMs = dateOf(reply) ?? this.#context.runtime.clock.nowMs();
      if (end === undefined || size === undefined) {
        this.#body = await this.#readAll(stream);
        this.#received = this.#body.byteLength;
        this.#plan = { start: 0, end: this.#received, size: this.#received, etag, dateMs, metadata };
        return;
      }
      this.#begin({ start, end, size, etag, dateMs, metadata });
      await this.#readInto(stream, skip, range === undefined || skip === 0);
    } catch (error) {
      throw isRead ? translate(error) : error;
    } finally {
      stream.destroy(); // Does nothing to one that was read to its end; else gives up the connection.
    }
  }

  #begin(plan: Plan): void {
    if (this.#plan !== undefined) return;
    const { key, store, bodyBytesMax } = this.#context;
    const length = plan.end - plan.start;
    if (this.#options.range === undefined && length > bodyBytesMax) throw tooLarge(length, bodyBytesMax, key, store);
    this.#plan = plan;
    this.#body = new Uint8Array(length);
  }

  /** @param toEnd - Nothing may come behind what was asked for; else the rest is left unread. */
  async #readInto(stream: AsyncIterable<Uint8Array>, skip: number, toEnd: boolean): Promise<void> {
    const { key, store } = this.#context;
    let toSkip = skip;
    for await (const chunk of stream) {
      const skipped = Math.min(toSkip, chunk.byteLength);
      toSkip -= skipped;
      const fresh = chunk.subarray(skipped);
      const room = this.#body.byteLength - this.#received;
      if (fresh.byteLength > room && toEnd) throw garbled("more bytes than were announced", key, store, false);
      this.#body.set(fresh.byteLength > room ? fresh.subarray(0, room) : fresh, this.#received);
      this.#received += Math.min(room, fresh.byteLength);
      if (!toEnd && this.#isWhole()) return;
    }
    if (!this.#isWhole()) throw garbled("the body ended early", key, store);
  }

  async #readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const { key, store, bodyBytesMax } = this.#context;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of stream) {
      length += chunk.byteLength;
      if (length > bodyBytesMax) throw tooLarge(length, bodyBytesMax, key, store);
      chunks.push(chunk);
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole;
  }

  #isWhole(): boolean {
    return this.#plan !== undefined && this.#received === this.#body.byteLength;
  }

  #result(): GetResult {
    if (this.#plan === undefined) throw new Error("a download without a plan has no result");
    const { start, etag, size, dateMs, metadata } = this.#plan;
    return { body: this.#body, start, etag, size, dateMs, metadata };
  }

  #changed(cause: unknown): HeadwaterError {
    const { key, store } = this.#context;
    return new HeadwaterError("STORE_UNAVAILABLE", `the object was replaced while it was read; try again; key=${key} store=${store}`, {
      cause,
    });
  }
}

function tooLarge(length: number, max: number, key: string, store: string): HeadwaterError {
  return new HeadwaterError(
    "OUT_OF_RANGE",
    `the object is too large for one get; read it in ranges; key=${key} size=${length} max=${max} store=${store}`,
  );
}
