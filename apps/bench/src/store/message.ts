import type { Content } from "./bucket.js";

/** A request as the store sees it: whole. */
export interface StoreRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

export interface StoreReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Read piece by piece as it is sent. */
  readonly body: Content;
}

/** What stands behind the proxy. */
export type Store = (request: StoreRequest) => StoreReply | Promise<StoreReply>;

/** The first value of a header. */
export function header(request: StoreRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
