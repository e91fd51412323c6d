import { finished } from "node:stream";
import { HeadwaterError, momentOf, type Runtime, redactUrl, StoreClock, throwIfAborted } from "@headwater/core";
import { patientRuntime, systemRuntime } from "@headwater/core/node";
import { checkKey, checkMetadata, checkPrefix } from "../keys.js";
import { pageSizeOf } from "../list-pages.js";
import type {
  ByteRange,
  CallOptions,
  ETag,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ListPage,
  ObjectStore,
  PutOptions,
  PutResult,
} from "../port.js";
import { checkRange } from "../ranges.js";
import { closed } from "../store-errors.js";
import { normalizeEndpoint } from "../store-url.js";
import type { SdkClient } from "./client.js";
import { CredentialsCache } from "./credentials.js";
import { Download } from "./download.js";
import { type Attempt, areCredentialsStale, garbled, translate } from "./errors.js";
import { listPages, type RawPage } from "./listing.js";
import { checkS3Options, type S3StoreOptions, SOCKETS_MAX } from "./options.js";
import { payloadHash } from "./payload-hash.js";
import { PlainReads } from "./plain-reads.js";
import { type Call, collectedBytes, emptyReply, type Reply } from "./recording-handler.js";
import { bareEtag, dateOf, normalizeEtag } from "./replies.js";
import type { ReadRequests } from "./requests.js";
import { type S3Settings, settingsOf } from "./settings.js";
import { abortable, Slots } from "./slots.js";

const GET_BODY_BYTES_MAX = 1024 ** 3;

/**
 * A bucket on S3 or on a server that speaks its protocol. Each method is one request; it never tries again by itself,
 * with three exceptions that can't do anything twice: a body that breaks off is resumed behind the last byte received, with
 * If-Match on the same ETag; a page of a listing that leads nowhere is asked for in another way; and a put with `ifMatch` that
 * got 412 although the object has just that ETag is sent once more with the tag unquoted, which some servers want.
 */
export class S3ObjectStore implements ObjectStore {
  readonly description: string;
  readonly #options: S3StoreOptions;
  readonly #runtime: Runtime;
  readonly #settings: S3Settings;
  readonly #plain: PlainReads | undefined;
  #sdk: Promise<SdkClient> | undefined;
  readonly #slots: Slots;
  /** On the system's clock, by which requests are signed. */
  readonly #serverClock: StoreClock = new StoreClock(systemRuntime.clock);
  /** How this server wants the tag of If-Match; unknown until a put has told. */
  #tagForm: "unknown" | "quoted" | "bare";
  #closed = false;

  /** @throws {OptionError} `BAD_OPTION` or `BAD_URL`. Nothing is sent before the first call. */
  constructor(options: S3StoreOptions) {
    checkS3Options(options);
    this.#options = options;
    this.#runtime = options.runtime ?? patientRuntime;
    this.description = `s3://${options.bucket}${options.endpoint === undefined ? "" : `@${redactUrl(normalizeEndpoint(options.endpoint)).replace(/\/$/, "")}`}`;
    this.#tagForm = options.bareEtags === undefined ? "unknown" : options.bareEtags ? "bare" : "quoted";
    this.#settings = settingsOf(options, this.#runtime, () => this.#clockOffsetMs());
    this.#plain = PlainReads.create(this.#settings, () => this.#loadSdk());
    this.#slots = new Slots(options.socketsMax ?? SOCKETS_MAX);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    this.#begin(key, options);
    if (options.range !== undefined) checkRange(options.range);
    let reply = emptyReply();
    const attempt = (): Attempt => this.#attempt("get", key, reply, options.signal);
    const send = async (
      range: ByteRange | undefined,
      ifMatch: ETag | undefined,
    ): Promise<{ reply: Reply; metadata: Readonly<Record<string, string>> }> => {
      reply = emptyReply();
      const input = {
        key,
        ...(range === undefined ? {} : { range: rangeHeader(range) }),
        ...(ifMatch === undefined ? {} : { ifMatch: this.#tag(ifMatch) }),
      };
      const { metadata } = await this.#run(attempt, async (call) => (await this.#reads()).get(input, call));
      return { reply, metadata };
    };
    const context = {
      key,
      store: this.description,
      bodyBytesMax: this.#options.bodyBytesMax ?? GET_BODY_BYTES_MAX,
      runtime: this.#runtime,
      send,
      translate: (error: unknown) => translate(error, attempt()),
    };
    return new Download(context, options).run();
  }

  async head(key: string, options: CallOptions = {}): Promise<HeadResult> {
    this.#begin(key, options);
    const attempt = this.#attempt("head", key, emptyReply(), options.signal);
    const output = await this.#run(
      () => attempt,
      async (call) => (await this.#loadSdk()).head(key, call),
    );
    const etag = normalizeEtag(output.ETag);
    const size = output.ContentLength;
    if (etag === undefined || size === undefined || !Number.isSafeInteger(size))
      throw garbled("no ETag or no length", key, this.description);
    const dateMs = this.#dateOf(attempt.reply);
    return { key, size, etag, lastModifiedMs: output.LastModified?.getTime() ?? dateMs, dateMs, metadata: output.Metadata ?? {} };
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#begin(key, options);
    checkMetadata(options.metadata ?? {});
    const { precondition, signal } = options;
    if (precondition === undefined || "ifNoneMatch" in precondition) {
      return this.#put(key, body, options, precondition === undefined ? {} : { IfNoneMatch: "*" });
    }
    const { ifMatch } = precondition;
    try {
      const result = await this.#put(key, body, options, { IfMatch: this.#tag(ifMatch) });
      if (this.#tagForm === "unknown") this.#tagForm = "quoted";
      return result;
    } catch (error) {
      if (this.#tagForm !== "unknown" || !HeadwaterError.is(error) || error.code !== "STORE_PRECONDITION") throw error;
      if (!(await this.#holds(key, ifMatch, signal))) throw error;
      const result = await this.#put(key, body, options, { IfMatch: bareEtag(ifMatch) });
      this.#tagForm = "bare";
      return result;
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    this.#begin(key, options);
    const attempt = this.#attempt("delete", key, emptyReply(), options.signal);
    try {
      await this.#run(
        () => attempt,
        async (call) => (await this.#loadSdk()).delete(key, call),
      );
    } catch (error) {
      if (!HeadwaterError.is(error) || error.code !== "STORE_NOT_FOUND") throw error;
    }
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    checkPrefix(prefix);
    const pageSize = pageSizeOf(options);
    const send = async (position: { startAfter: string | undefined; token: string | undefined }): Promise<RawPage> => {
      throwIfAborted(options.signal);
      this.#throwIfClosed();
      const attempt = this.#attempt("list", prefix, emptyReply(), options.signal);
      const input = {
        prefix,
        ...(options.pageSize === undefined ? {} : { maxKeys: pageSize }),
        ...(position.startAfter === undefined ? {} : { startAfter: position.startAfter }),
        ...(position.token === undefined ? {} : { token: position.token }),
      };
      const output = await this.#run(
        () => attempt,
        async (call) => (await this.#reads()).list(input, call),
      );
      // Whatever is no listing parses as an empty one, and so would a full replica look like a new one.
      if (output.isTruncated === undefined) throw garbled("something else than a listing", prefix, this.description);
      return {
        contents: output.contents,
        isTruncated: output.isTruncated,
        nextToken: output.nextToken || undefined,
        dateMs: this.#dateOf(attempt.reply),
        bytes: collectedBytes(attempt.reply.body),
      };
    };
    yield* listPages(send, prefix, options.startAfter, this.description);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#slots.close(closed(this.description));
    this.#settings.handler.destroy();
  }

  async #put(
    key: string,
    body: Uint8Array,
    options: PutOptions,
    precondition: { IfNoneMatch?: string; IfMatch?: string },
  ): Promise<PutResult> {
    const sha256 = await payloadHash(body, this.#runtime.timers);
    throwIfAborted(options.signal);
    const attempt = { ...this.#attempt("put", key, emptyReply(), options.signal), hasIfMatch: precondition.IfMatch !== undefined };
    const input = { key, body, precondition, metadata: options.metadata, sha256 };
    const { beforeSend } = options;
    const tag = await this.#run(
      () => attempt,
      async (call) => (await this.#loadSdk()).put(input, beforeSend === undefined ? call : { ...call, beforeSend }),
    );
    const etag = normalizeEtag(tag);
    if (etag === undefined) throw garbled("no ETag", key, this.description);
    return { etag, dateMs: this.#dateOf(attempt.reply) };
  }

  /** Whether the object has this very ETag; "no" also when that can't be found out. */
  async #holds(key: string, etag: ETag, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return (await this.head(key, signal === undefined ? {} : { signal })).etag === etag;
    } catch {
      return false;
    }
  }

  async #run<T>(attempt: () => Attempt, send: (call: Call) => Promise<T>): Promise<T> {
    const { signal, reply } = attempt();
    try {
      const release = await this.#slots.acquire(signal);
      const sentAt = momentOf(systemRuntime.clock);
      const sent = send({ reply, ...(signal === undefined ? {} : { abortSignal: signal }) }).finally(() => {
        const dateMs = dateOf(reply);
        if (dateMs !== undefined) this.#serverClock.note(dateMs, sentAt);
        holdWhileOpen(reply, release);
      });
      // The SDK looks at the signal only once it has credentials and a signature.
      return await abortable(sent, signal);
    } catch (error) {
      reply.body?.destroy();
      throw this.#refresh(error, translate(error, { ...attempt(), isClosed: this.#closed }));
    }
  }

  /**
   * Requests carry the server's time, whatever the clock of this machine says; and after a time asleep, a refused request is
   * followed by one that is not.
   */
  #clockOffsetMs(): number {
    const { nowMs } = this.#serverClock;
    return nowMs === undefined ? 0 : Math.round(nowMs - systemRuntime.clock.nowMs());
  }

  /** Refused credentials that a provider can renew are worth another try. */
  #refresh(raw: unknown, error: Error): Error {
    const { credentials } = this.#settings;
    if (!(credentials instanceof CredentialsCache) || !areCredentialsStale(raw) || !HeadwaterError.is(error)) return error;
    credentials.invalidate();
    return new HeadwaterError(error.code, error.message, { cause: error.cause, retryable: true });
  }

  #attempt(verb: Attempt["verb"], key: string, reply: Reply, signal: AbortSignal | undefined): Attempt {
    return { verb, key, store: this.description, reply, signal, isClosed: this.#closed };
  }

  /** What gets and lists: without the SDK's client where that is possible. */
  #reads(): PlainReads | Promise<ReadRequests> {
    return this.#plain ?? this.#loadSdk();
  }

  /** The SDK's client, loaded when it is needed first. */
  #loadSdk(): Promise<SdkClient> {
    this.#sdk ??= import("./client.js").then((sdk) => new sdk.SdkClient(this.#settings));
    return this.#sdk;
  }

  #tag(etag: ETag): string {
    return this.#tagForm === "bare" ? bareEtag(etag) : etag;
  }

  #dateOf(reply: Reply): number {
    return dateOf(reply) ?? this.#runtime.clock.nowMs();
  }

  #begin(key: string, options: CallOptions): void {
    checkKey(key);
    throwIfAborted(options.signal);
    this.#throwIfClosed();
  }

  #throwIfClosed(): void {
    if (this.#closed) throw closed(this.description);
  }
}

/** A connection is in use until the body of its reply was read or given up. */
function holdWhileOpen({ body }: Reply, release: () => void): void {
  if (body === undefined) release();
  else finished(body, { writable: false }, () => release());
}

function rangeHeader(range: ByteRange): string {
  return "suffix" in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end - 1}`;
}
