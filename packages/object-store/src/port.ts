/** Half-open byte range `[start, end)` within one object, or its last `suffix` bytes. */
export type ByteRange = { readonly start: number; readonly end: number } | { readonly suffix: number };

/** Entity tag as the store returned it, quotes included. Compare; never parse. */
export type ETag = string & { readonly __brand: "ETag" };

/** What the store itself must check in the same request: the key is free, or it holds just this object. */
export type Precondition = { readonly ifNoneMatch: "*" } | { readonly ifMatch: ETag };

/** What is common to all calls. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** One object as a listing or a HEAD describes it. */
export interface ObjectMeta {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: ETag;
  /** When the store last wrote it, milliseconds since the epoch, by the store's own clock. */
  readonly lastModifiedMs: number;
}

export interface GetOptions extends CallOptions {
  readonly range?: ByteRange;
  /** Fails with `STORE_PRECONDITION` when the object is another one than planned. */
  readonly ifMatch?: ETag;
}

export interface GetResult {
  /** Exactly the bytes of the range (cut at the object's end), or of the whole object. */
  readonly body: Uint8Array;
  /** Offset of `body[0]` in the object. */
  readonly start: number;
  readonly etag: ETag;
  /** Size of the whole object, in bytes. */
  readonly size: number;
  /** The store's own clock when it answered (its Date header), milliseconds since the epoch. */
  readonly dateMs: number;
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface PutOptions extends CallOptions {
  readonly precondition?: Precondition;
  /** User metadata. Backends that have none drop it. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * A last look, once the request is signed and right before it is sent, since both may take long on a machine that stands
   * still meanwhile. A `HeadwaterError` that it throws is what the call fails with, and then nothing was sent. Called again
   * where a call takes a second request.
   */
  readonly beforeSend?: () => void;
}

export interface PutResult {
  readonly etag: ETag;
  readonly dateMs: number;
}

export interface HeadResult extends ObjectMeta {
  readonly dateMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallOptions {
  /** Only keys that sort after this one (which need not exist). */
  readonly startAfter?: string;
  /** At most so many objects a page; the store's own limit (1000) if absent. */
  readonly pageSize?: number;
}

/** One page of a listing. */
export interface ListPage {
  /** In the order of their keys as UTF-8 bytes. */
  readonly objects: readonly ObjectMeta[];
  /** True when another page follows; the iterator fetches it when asked. */
  readonly truncated: boolean;
  readonly dateMs: number;
  /** Size of the reply that brought this page, where there was one. */
  readonly bytes?: number;
}

/**
 * The narrow port behind which every store lies. Keys are relative to the store (for S3: to the bucket), without a
 * leading slash. Every method may be called concurrently. Errors are `HeadwaterError`s with code
 * `STORE_NOT_FOUND`, `STORE_NO_BUCKET`, `STORE_DENIED`, `STORE_PRECONDITION` (412), `STORE_CONFLICT` (409 on a
 * conditional put: try again), `STORE_UNAVAILABLE` (5xx, timeouts, broken connections: for a put the outcome is *not known*),
 * `OUT_OF_RANGE` (a range that starts at or past the end), `ABORTED`.
 */
export interface ObjectStore {
  /** What this store is, for messages: no credentials. */
  readonly description: string;
  /** Verifies that it got the length that was promised. A range reaching past the end is cut at the end. */
  get(key: string, options?: GetOptions): Promise<GetResult>;
  head(key: string, options?: CallOptions): Promise<HeadResult>;
  /** Rejecting with anything but `STORE_PRECONDITION`, `STORE_CONFLICT`, `STORE_DENIED` or `STORE_NO_BUCKET` leaves the outcome unknown. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutResult>;
  /** Succeeds where nothing is. */
  delete(key: string, options?: CallOptions): Promise<void>;
  /** Pages of the keys that start with `prefix`, each fetched when it is asked for. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListPage>;
  /** Ends idle connections. Calls afterwards fail with `CLOSED`. */
  close(): Promise<void>;
}
